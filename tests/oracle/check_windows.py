#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Compares windows with an independent implementation: python3-dateutil picks the days, Python's
zoneinfo knows the clocks. Every rule in every zone with every start over ten years; `--share N`
takes one of N questions, spread over all of them.

    check_windows.py PATH/TO/window_dump [--share N]
"""
import argparse
import datetime
import subprocess
import sys
import zoneinfo

from dateutil import rrule as oracle

DAY = datetime.timedelta(days=1)
UTC = datetime.timezone.utc
ZONE_FILES = "/usr/share/zoneinfo/"

# Half of the years are over and full of real changes; half lie ahead, where the rule of a zone's
# last line takes over at the latest in 2038.
PERIODS = [(2007, 2017), (2011, 2021), (2020, 2030), (2031, 2041)]

ZONES = [
    "UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu",
    "America/Sao_Paulo", "Africa/Casablanca", "Europe/Dublin", "Pacific/Apia", "America/Nuuk",
    "Asia/Gaza", "America/Santiago", "Pacific/Chatham", "Antarctica/Troll", "Asia/Pyongyang",
    "America/Caracas", "Africa/Cairo", "Asia/Tehran",
]

# Minutes since midnight: in, at the edges of and outside of the usual gaps.
STARTS = [0, 15, 60, 120, 135, 150, 180, 1410]

# A rule, its anchor ("-": none), offset_days, an exception.
RULES = [
    ("FREQ=DAILY", "-", 0, None),
    ("FREQ=DAILY", "-", 0, ("2012-12-20", "2013-01-05")),
    ("FREQ=DAILY;BYDAY=MO,WE,FR", "-", 0, None),
    ("FREQ=DAILY;BYMONTH=3,10,11", "-", 0, None),
    ("FREQ=DAILY;BYMONTHDAY=1,-1", "-", 0, None),
    ("FREQ=DAILY;BYMONTHDAY=13;BYDAY=FR", "-", 0, None),
    ("FREQ=DAILY;INTERVAL=2", "2006-01-01", 0, None),
    ("FREQ=DAILY;INTERVAL=10;BYMONTH=2,3", "2006-02-03", 0, None),
    ("FREQ=DAILY;INTERVAL=7;BYDAY=SU", "2006-12-31", 0, None),
    ("FREQ=DAILY;INTERVAL=366", "2004-02-29", 0, None),
    ("FREQ=WEEKLY;BYDAY=SA", "-", 0, None),
    ("FREQ=WEEKLY;BYDAY=SU", "-", 0, ("2013-03-01", "2014-03-31")),
    ("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "-", 0, None),
    ("FREQ=WEEKLY;BYDAY=SU", "-", -1, None),
    ("FREQ=WEEKLY;BYDAY=SU;BYMONTH=3,4,10,11", "-", 0, None),
    ("FREQ=WEEKLY", "2006-05-07", 0, None),
    ("FREQ=WEEKLY;INTERVAL=2", "2006-05-07", 0, None),
    ("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU", "2006-05-03", 0, None),
    ("FREQ=WEEKLY;INTERVAL=4;BYDAY=SU", "2006-05-07", 3, None),
    ("FREQ=WEEKLY;INTERVAL=53;BYDAY=TU,SU", "2000-01-01", 0, None),
    ("FREQ=WEEKLY;INTERVAL=2;BYDAY=SA;BYMONTH=1,12", "2012-06-09", 0, None),
    ("FREQ=MONTHLY;BYDAY=2TU", "-", 0, None),
    ("FREQ=MONTHLY;BYDAY=2TU", "-", 3, None),
    ("FREQ=MONTHLY;BYDAY=2TU", "-", 31, None),
    ("FREQ=MONTHLY;BYDAY=-1FR", "-", 0, None),
    ("FREQ=MONTHLY;BYDAY=-1SU", "-", 0, None),
    ("FREQ=MONTHLY;BYDAY=-1SU", "-", -31, None),
    ("FREQ=MONTHLY;BYDAY=1SU,3SU,-1SA", "-", 0, None),
    ("FREQ=MONTHLY;BYDAY=5MO", "-", 0, None),
    ("FREQ=MONTHLY;BYDAY=-5WE", "-", 0, None),
    ("FREQ=MONTHLY;BYDAY=SA,SU", "-", 0, None),
    ("FREQ=MONTHLY;BYMONTHDAY=1", "-", 0, None),
    ("FREQ=MONTHLY;BYMONTHDAY=31", "-", 0, None),
    ("FREQ=MONTHLY;BYMONTHDAY=-1", "-", 1, None),
    ("FREQ=MONTHLY;BYMONTHDAY=-31,30", "-", 0, None),
    ("FREQ=MONTHLY;BYMONTHDAY=29;BYMONTH=2", "-", 0, None),
    ("FREQ=MONTHLY;BYMONTHDAY=13;BYDAY=FR", "-", 0, None),
    ("FREQ=MONTHLY;BYMONTHDAY=25,26,27,28,29,30,31;BYDAY=SU;BYMONTH=3,10", "-", 0, None),
    ("FREQ=MONTHLY;INTERVAL=3;BYDAY=1SA", "2006-02-20", 0, None),
    ("FREQ=MONTHLY;INTERVAL=5;BYMONTHDAY=-2", "2006-02-20", 0, None),
    ("FREQ=MONTHLY;INTERVAL=12;BYDAY=-1SU", "2005-03-01", 0, None),
    ("FREQ=MONTHLY", "2006-01-31", 0, None),
    ("FREQ=MONTHLY;INTERVAL=2", "2015-12-30", 0, None),
    ("FREQ=MONTHLY;BYMONTH=3,4,9,10,11", "2006-01-30", 0, None),
]


def days(rule, anchor, first, last):
    """The days that dateutil picks. Without an anchor no rule here depends on where it starts."""
    start = datetime.datetime.fromisoformat(anchor) if anchor != "-" else first - 400 * DAY
    return oracle.rrulestr(rule, dtstart=start).between(first, last, inc=True)


def clock(at, zone):
    return datetime.datetime.fromtimestamp(at, zone).replace(tzinfo=None)


def opens_at(local, zone):
    """Our rule: of two times the first; in a gap the offset from before it, found by looking for the
    last second on which clocks showed less, so that nothing here rests on what fold means there."""
    first = int(local.replace(tzinfo=zone, fold=0).timestamp())
    if clock(first, zone) == local:
        return first
    low, high = first - 3 * 86400, first + 3 * 86400
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if clock(middle, zone) < local else (low, middle)
    offset = datetime.datetime.fromtimestamp(low, zone).utcoffset()
    return int((local - offset).replace(tzinfo=UTC).timestamp())


def is_excepted(day, exception):
    return exception and exception[0] <= day.strftime("%Y-%m-%d") <= exception[1]


def expected(rule, anchor, offset, exception, start, zone, years):
    first, last = (datetime.datetime(year, 1, 1) for year in years)
    low, high = (int(at.replace(tzinfo=UTC).timestamp()) for at in (first, last))
    shift = datetime.timedelta(days=offset)
    starts = [day + shift for day in days(rule, anchor, first - 35 * DAY, last + 35 * DAY)]
    times = {opens_at(day + datetime.timedelta(minutes=start), zone)
             for day in starts if not is_excepted(day, exception)}
    return sorted(at for at in times if low <= at < high)


def questions():
    for number, rule in enumerate(RULES):
        for place, zone in enumerate(ZONES):
            for start in STARTS:
                yield (*rule, start, zone, PERIODS[(number + place) % len(PERIODS)])


def question_line(rule, anchor, offset, exception, start, zone, years):
    low, high = (int(datetime.datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in years)
    return " ".join(map(str, [rule, ZONE_FILES + zone, start, 15, offset, anchor,
                              *(exception or ("-", "-")), low, high]))


def compare(question, answer):
    *rule, zone, years = question
    want = expected(*rule, zoneinfo.ZoneInfo(zone), years)
    got = [int(at) for at in answer.split()]
    if got == want:
        return len(want), None
    other = min(set(got) ^ set(want), default=None)
    where = "only ours" if other in got else "only the oracle's"
    at = other and datetime.datetime.fromtimestamp(other, zoneinfo.ZoneInfo(zone))
    return len(want), f"{question}: first difference {at} ({other}), {where}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("window_dump")
    parser.add_argument("--share", type=int, default=1)
    arguments = parser.parse_args()

    zoneinfo.reset_tzpath([ZONE_FILES])
    asked = [question for number, question in enumerate(questions())
             if number % arguments.share == 0]
    lines = "".join(question_line(*question) + "\n" for question in asked)
    answers = subprocess.run([arguments.window_dump], input=lines, text=True, check=True,
                             stdout=subprocess.PIPE).stdout.splitlines()
    results = [compare(*pair) for pair in zip(asked, answers, strict=True)]
    differences = [difference for _, difference in results if difference]
    for difference in differences[:20]:
        print(difference)
    print(f"{len(asked)} windows, {sum(count for count, _ in results)} openings, "
          f"{len(differences)} windows differ")
    if differences or len(asked) < 100:
        sys.exit(1)


if __name__ == "__main__":
    main()
