/* SPDX-License-Identifier: Apache-2.0 */
#include "host/spawn.h"

#include "base/str.h"
#include "host/clock.h"
#include "host/identity.h"

#include <assert.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

enum {
        USEC_PER_SEC = 1000000,
        USEC_PER_MSEC = 1000,
        /* How long to wait for the rest of the output when the child has ended but something it
         * started (a service, say) still holds the pipe. */
        DRAIN_USEC = 200 * USEC_PER_MSEC,
        READ_STEP_BYTES = 16 * 1024,
        READ_STEPS_MAX = 64, /* of one pipe before the others and the deadline get their turn */
        STATUS_LINE_MAX = 4096,
        OPEN_FILES_MAX = 65536, /* closed one by one where close_range(2) is missing */
};

/* ---- the child, between fork and exec ---- */

struct child_error {
        int error;
        bool in_folder; /* chdir failed, not execve */
};

struct pipes {
        int output[2], error_output[2], status[2], failure[2]; /* read end, write end */
};

#define NO_PIPES                                                                                   \
        {                                                                                          \
                {-EBADF, -EBADF}, {-EBADF, -EBADF}, {-EBADF, -EBADF},                              \
                {                                                                                  \
                        -EBADF, -EBADF                                                             \
                }                                                                                  \
        }

static void close_pair(const int pair[2])
{
        closep(&pair[0]);
        closep(&pair[1]);
}

static void pipes_done(struct pipes *pipes)
{
        close_pair(pipes->output);
        close_pair(pipes->error_output);
        close_pair(pipes->status);
        close_pair(pipes->failure);
        *pipes = (struct pipes)NO_PIPES;
}

static void reset_signals(void)
{
        struct sigaction action = {.sa_handler = SIG_DFL};
        sigset_t none;

        for (int i = 1; i < NSIG; i++)
                (void)sigaction(i, &action, NULL); /* fails for SIGKILL, SIGSTOP and glibc's own */
        sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Makes every descriptor from 3 on vanish at exec. */
static void mark_cloexec(void)
{
        long open_max;

        if (syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
                return;
        open_max = sysconf(_SC_OPEN_MAX);
        if (open_max < 0 || open_max > OPEN_FILES_MAX)
                open_max = OPEN_FILES_MAX;
        for (int fd = 3; fd < open_max; fd++)
                (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/* Moves a descriptor above all numbers that the child's program will have. */
static int move_up(int fd, int status_fd_number)
{
        int above = status_fd_number > 2 ? status_fd_number + 1 : 3;

        return fcntl(fd, F_DUPFD_CLOEXEC, above);
}

/* dup2() leaves the new descriptor without FD_CLOEXEC, as we want it. */
static int place_descriptors(const struct pipes *pipes, int status_fd_number)
{
        int input = open("/dev/null", O_RDONLY | O_CLOEXEC);
        int from[4] = {input, pipes->output[1], pipes->error_output[1], pipes->status[1]};
        int to[4] = {0, 1, 2, status_fd_number};
        size_t n = status_fd_number > 2 ? 4 : 3;

        for (size_t i = 0; i < n; i++) {
                from[i] = move_up(from[i], status_fd_number);
                if (from[i] < 0)
                        return -errno;
        }
        mark_cloexec();
        for (size_t i = 0; i < n; i++)
                if (dup2(from[i], to[i]) < 0)
                        return -errno;
        return 0;
}

__attribute__((noreturn)) static void child_run(const struct spawn_request *request,
                                                const struct identity *identity,
                                                const struct pipes *pipes)
{
        char *no_environment[] = {NULL};
        struct child_error failure = {0};
        int failure_fd;

        (void)setpgid(0, 0);
        reset_signals();
        failure_fd = move_up(pipes->failure[1], request->status_fd_number);
        failure.error = place_descriptors(pipes, request->status_fd_number);
        if (failure.error == 0 && chdir(request->working_directory ?: "/") < 0)
                failure = (struct child_error){.error = -errno, .in_folder = true};
        if (failure.error == 0)
                failure.error = identity_become(identity);
        if (failure.error == 0) {
                bool has_environment = request->environment && request->environment->n_items > 0;

                execve(request->argv->items[0], request->argv->items,
                       has_environment ? request->environment->items : no_environment);
                failure.error = -errno;
        }
        (void)!write(failure_fd, &failure, sizeof(failure));
        _exit(127);
}

/* ---- the parent: starting ---- */

static int make_pipes(struct pipes *pipes, bool with_status, struct diag *diag)
{
        if (pipe2(pipes->output, O_CLOEXEC) < 0 || pipe2(pipes->error_output, O_CLOEXEC) < 0 ||
            pipe2(pipes->failure, O_CLOEXEC) < 0 ||
            (with_status && pipe2(pipes->status, O_CLOEXEC) < 0))
                return diag_fail(diag, -errno, "cannot create a pipe: %s", strerrordesc_np(errno));
        return 0;
}

static void close_write_ends(struct pipes *pipes)
{
        int *ends[] = {&pipes->output[1], &pipes->error_output[1], &pipes->status[1],
                       &pipes->failure[1]};

        for (size_t i = 0; i < ELEMENTSOF(ends); i++) {
                closep(ends[i]);
                *ends[i] = -EBADF;
        }
}

/* Waits until the child runs its program: the failure pipe closes at exec. */
static int wait_for_exec(int failure_fd, struct child_error *ret)
{
        ssize_t n;

        do
                n = read(failure_fd, ret, sizeof(*ret));
        while (n < 0 && errno == EINTR);
        return n == (ssize_t)sizeof(*ret) ? ret->error : 0;
}

static pid_t reap(pid_t pid, int *ret_status)
{
        pid_t reaped;

        do
                reaped = waitpid(pid, ret_status, 0);
        while (reaped < 0 && errno == EINTR);
        return reaped;
}

static int start_child(const struct spawn_request *request, struct pipes *pipes, pid_t *ret_pid,
                       struct diag *diag)
{
        struct child_error failure = {0};
        struct identity identity;
        sigset_t all, saved;
        int status, error, r;
        pid_t pid;

        r = identity_find(request->user, &identity, diag);
        if (r < 0)
                return r;

        /* Blocked, so that no handler of ours runs in the child before it has reset them. */
        sigfillset(&all);
        (void)sigprocmask(SIG_BLOCK, &all, &saved);
        pid = fork();
        error = errno;
        if (pid == 0)
                child_run(request, &identity, pipes);
        (void)sigprocmask(SIG_SETMASK, &saved, NULL);
        if (pid < 0)
                return diag_fail(diag, -error, "cannot start a process: %s",
                                 strerrordesc_np(error));

        (void)setpgid(pid, pid); /* the child does it too; who comes first does not matter */
        close_write_ends(pipes);
        if (wait_for_exec(pipes->failure[0], &failure) < 0) {
                (void)reap(pid, &status);
                return diag_fail(diag, failure.error, "%s: cannot %s: %s",
                                 failure.in_folder ? request->working_directory
                                                   : request->argv->items[0],
                                 failure.in_folder ? "enter the folder" : "run",
                                 strerrordesc_np(-failure.error));
        }
        *ret_pid = pid;
        return 0;
}

/* ---- the parent: watching ---- */

enum { STREAM_OUTPUT, STREAM_ERROR_OUTPUT, STREAM_STATUS, N_STREAMS };

struct watch {
        const struct spawn_request *request;
        pid_t pid;
        int pidfd;
        int fds[N_STREAMS]; /* read ends; negative: at its end */
        struct str texts[N_STREAMS];
        bool is_cut;
        bool timed_out, exited;
        int status_error;  /* first failure of on_status */
        uint64_t deadline; /* of the next step: signal, kill, or end of draining; 0: none */
        uint64_t next_tick;
};

static void watch_done(struct watch *watch)
{
        closep(&watch->pidfd);
        for (size_t i = 0; i < N_STREAMS; i++)
                str_done(&watch->texts[i]);
}

static void remove_front(struct str *text, size_t n)
{
        memmove(text->data, text->data + n, text->length - n);
        text->length -= n;
        text->data[text->length] = '\0';
}

/* Of stdout the beginning is kept, because it is parsed; of stderr the end, where the reason is. */
static void keep_output(struct watch *watch, size_t stream, const char *bytes, size_t n)
{
        size_t max = watch->request->output_max_bytes;
        struct str *text = &watch->texts[stream];

        if (stream == STREAM_OUTPUT) {
                size_t room = max - text->length;

                watch->is_cut |= n > room;
                str_append_n(text, bytes, n < room ? n : room);
                return;
        }
        str_append_n(text, bytes, n);
        if (!text->failed && text->length > max)
                watch->is_cut = true;
        /* Twice the bound, so that not every read moves the whole text. */
        if (!text->failed && text->length / 2 > max)
                remove_front(text, text->length - max);
}

static void tell_status(struct watch *watch, const char *line)
{
        int r;

        if (watch->status_error < 0 || !watch->request->on_status)
                return;
        r = watch->request->on_status(line, watch->request->context);
        if (r < 0)
                watch->status_error = r;
}

/* Gives every whole line to the caller; a longer one than the bound in pieces. */
static void keep_status(struct watch *watch, const char *bytes, size_t n)
{
        struct str *line = &watch->texts[STREAM_STATUS];

        for (size_t i = 0; i < n; i++) {
                if (bytes[i] != '\n')
                        str_append_char(line, bytes[i] ? bytes[i] : '?');
                if (line->failed)
                        watch->status_error = -ENOMEM;
                if (line->failed || (bytes[i] != '\n' && line->length < STATUS_LINE_MAX))
                        continue;
                tell_status(watch, line->data ?: "");
                line->length = 0;
                if (line->data)
                        line->data[0] = '\0';
        }
}

static void end_stream(struct watch *watch, size_t stream)
{
        if (stream == STREAM_STATUS && watch->texts[stream].length > 0)
                tell_status(watch, watch->texts[stream].data);
        watch->fds[stream] = -EBADF;
}

static void read_stream(struct watch *watch, size_t stream)
{
        char buffer[READ_STEP_BYTES];

        for (int i = 0; i < READ_STEPS_MAX; i++) {
                ssize_t n = read(watch->fds[stream], buffer, sizeof(buffer));

                if (n < 0 && (errno == EAGAIN || errno == EINTR))
                        return;
                if (n <= 0) {
                        end_stream(watch, stream);
                        return;
                }
                if (stream == STREAM_STATUS)
                        keep_status(watch, buffer, (size_t)n);
                else
                        keep_output(watch, stream, buffer, (size_t)n);
        }
}

/* The deadline has passed: asks the child to stop, then, if wanted, kills its whole group. A signal
 * that the caller chose is the program's own way to stop, so only the program itself gets it. */
static void on_deadline(struct watch *watch)
{
        const struct spawn_request *request = watch->request;

        if (watch->timed_out) {
                (void)kill(-watch->pid, SIGKILL);
                watch->deadline = 0;
                return;
        }
        watch->timed_out = true;
        if (request->timeout_signal == 0)
                (void)kill(-watch->pid, SIGTERM);
        else
                (void)kill(watch->pid, request->timeout_signal);
        watch->deadline =
            request->kill_after_usec > 0 ? clock_now_usec() + request->kill_after_usec : 0;
}

/* The child has ended but is not reaped, so its group's number is still its own. */
static void on_exit_seen(struct watch *watch)
{
        watch->exited = true;
        if (watch->timed_out && watch->request->kill_after_usec > 0)
                (void)kill(-watch->pid, SIGKILL);
        watch->deadline = clock_now_usec() + DRAIN_USEC;
}

static bool streams_are_done(const struct watch *watch)
{
        for (size_t i = 0; i < N_STREAMS; i++)
                if (watch->fds[i] >= 0)
                        return false;
        return true;
}

static bool has_ticks(const struct watch *watch)
{
        return watch->request->on_tick && !watch->exited;
}

static int poll_timeout_msec(const struct watch *watch)
{
        uint64_t now = clock_now_usec(), next = watch->deadline, msec;

        if (has_ticks(watch) && (next == 0 || watch->next_tick < next))
                next = watch->next_tick;
        else if (next == 0)
                return -1;
        if (next <= now)
                return 0;
        msec = (next - now + USEC_PER_MSEC - 1) / USEC_PER_MSEC;
        return msec > INT32_MAX ? INT32_MAX : (int)msec;
}

static int watch_step(struct watch *watch, struct diag *diag)
{
        struct pollfd polls[N_STREAMS + 1];

        for (size_t i = 0; i < N_STREAMS; i++)
                polls[i] = (struct pollfd){.fd = watch->fds[i], .events = POLLIN};
        polls[N_STREAMS] =
            (struct pollfd){.fd = watch->exited ? -1 : watch->pidfd, .events = POLLIN};

        if (poll(polls, ELEMENTSOF(polls), poll_timeout_msec(watch)) < 0 && errno != EINTR)
                return diag_fail(diag, -errno, "cannot wait for %s: %s",
                                 watch->request->argv->items[0], strerrordesc_np(errno));
        for (size_t i = 0; i < N_STREAMS; i++)
                if (watch->fds[i] >= 0 && polls[i].revents)
                        read_stream(watch, i);
        if (!watch->exited && polls[N_STREAMS].revents)
                on_exit_seen(watch);
        else if (!watch->exited && watch->deadline > 0 && clock_now_usec() >= watch->deadline)
                on_deadline(watch);
        if (has_ticks(watch) && clock_now_usec() >= watch->next_tick)
                watch->next_tick =
                    clock_now_usec() + watch->request->on_tick(watch->pid, watch->request->context);
        return 0;
}

static bool watch_is_over(const struct watch *watch)
{
        return watch->exited && (streams_are_done(watch) || clock_now_usec() >= watch->deadline);
}

static int start_watch(const struct spawn_request *request, pid_t pid, const struct pipes *pipes,
                       uint64_t started, struct watch *ret, struct diag *diag)
{
        *ret = (struct watch){
            .request = request,
            .pid = pid,
            .pidfd = (int)syscall(SYS_pidfd_open, pid, 0),
            .fds = {pipes->output[0], pipes->error_output[0], pipes->status[0]},
            .deadline = request->timeout_usec > 0 ? started + request->timeout_usec : 0,
        };
        if (ret->pidfd < 0)
                return diag_fail(diag, -errno, "cannot watch %s: %s", request->argv->items[0],
                                 strerrordesc_np(errno));
        for (size_t i = 0; i < N_STREAMS; i++)
                if (ret->fds[i] >= 0)
                        (void)fcntl(ret->fds[i], F_SETFL, O_NONBLOCK);
        return 0;
}

/* ---- the whole ---- */

static int take_blob(struct str *text, struct blob *ret)
{
        size_t size = text->length;
        char *data;
        int r = str_take(text, &data);

        if (r < 0)
                return r;
        *ret = (struct blob){.data = data, .size = size};
        return 0;
}

static int fill_result(struct watch *watch, int status, uint64_t started, struct spawn_result *ret)
{
        CLEANUP(spawn_result_done)
        struct spawn_result result = {
            .is_cut = watch->is_cut,
            .exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1,
            .signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0,
            .timed_out = watch->timed_out,
            .elapsed_usec = clock_now_usec() - started,
        };
        struct str *error_output = &watch->texts[STREAM_ERROR_OUTPUT];
        size_t max = watch->request->output_max_bytes;
        int r;

        if (!error_output->failed && error_output->length > max)
                remove_front(error_output, error_output->length - max);
        r = take_blob(&watch->texts[STREAM_OUTPUT], &result.output);
        if (r >= 0)
                r = take_blob(error_output, &result.error_output);
        if (r < 0)
                return r;
        *ret = result;
        result = (struct spawn_result){0};
        return 0;
}

int spawn_run(const struct spawn_request *request, struct spawn_result *ret, struct diag *diag)
{
        CLEANUP(pipes_done) struct pipes pipes = NO_PIPES;
        CLEANUP(watch_done) struct watch watch = {.pidfd = -EBADF};
        uint64_t started = clock_now_usec();
        int status = 0;
        pid_t pid;
        int r;

        assert(request->argv->n_items > 0 && request->argv->items[0][0] == '/');
        r = make_pipes(&pipes, request->status_fd_number > 2, diag);
        if (r < 0)
                return r;
        r = start_child(request, &pipes, &pid, diag);
        if (r < 0)
                return r;

        r = start_watch(request, pid, &pipes, started, &watch, diag);
        while (r >= 0 && !watch_is_over(&watch))
                r = watch_step(&watch, diag);
        if (r < 0)
                pipes_done(&pipes); /* a child that we no longer read must not wait for us */
        if (reap(pid, &status) < 0 && r >= 0)
                r = diag_fail(diag, -errno, "cannot wait for %s: %s", request->argv->items[0],
                              strerrordesc_np(errno));
        if (r >= 0)
                r = watch.status_error;
        if (r < 0)
                return r;
        return fill_result(&watch, status, started, ret);
}

void spawn_result_done(struct spawn_result *result)
{
        blob_done(&result->output);
        blob_done(&result->error_output);
        *result = (struct spawn_result){0};
}

/* ---- describing ---- */

/* The last line of text that is not blank. */
static void append_last_line(struct str *str, const struct blob *text)
{
        size_t end = text->size, start;
        CLEANUP(freep) char *line = NULL;

        while (end > 0 && strchr(" \t\r\n", text->data[end - 1]))
                end--;
        for (start = end; start > 0 && text->data[start - 1] != '\n';)
                start--;
        if (start == end)
                return;
        line = strndup(text->data + start, end - start);
        if (!line) {
                str->failed = true;
                return;
        }
        str_append(str, ": ");
        str_append_printable(str, line);
}

char *spawn_describe(const struct spawn_result *result)
{
        CLEANUP(str_done) struct str text = {0};
        char *taken = NULL;

        if (result->timed_out)
                str_appendf(&text, "timed out after %" PRIu64 " s",
                            result->elapsed_usec / USEC_PER_SEC);
        else if (result->signal > 0)
                str_appendf(&text, "killed by signal %d", result->signal);
        else
                str_appendf(&text, "exit code %d", result->exit_code);
        append_last_line(&text, &result->error_output);
        return str_take(&text, &taken) < 0 ? NULL : taken;
}
