# SPDX-License-Identifier: Apache-2.0
"""Makes the disk of a virtual machine from a root: one ext4 partition, and GRUB where grub-install puts
it. The first menu names the kernel that is there now and nothing else; every later one is what the
root's own packages write."""

import pathlib
import re
import shutil
import struct

from . import roots

PACKAGES = ("grub-pc", "qemu-guest-agent", "zstd")  # what a root needs besides the flavour `system`
GATEWAY = "10.0.2.2"  # this machine's loopback, as qemu's user network shows it
NAME_SERVER = "10.0.2.3"  # asks this machine's
GATEWAY_NAME = "gateway.lab"

SECTOR_BYTES = 512
FIRST_SECTOR = 2048
LINUX_PARTITION = 0x83
BOOT_CODE_BYTES = 440
DISK_SIGNATURE = 0x6C616221
MENU_OPTIONS = "console=ttyS0 net.ifnames=0"

FILES = {
    "etc/fstab": "/dev/vda1 / ext4 defaults 0 0\n",
    "etc/resolv.conf": f"nameserver {NAME_SERVER}\n",
    "etc/systemd/network/lab.network": "[Match]\nName=eth0\n[Network]\nAddress=10.0.2.15/24\n"
                                       f"Gateway={GATEWAY}\n",
    "etc/default/grub.d/lab.cfg": f'GRUB_TIMEOUT=0\nGRUB_CMDLINE_LINUX_DEFAULT=\nGRUB_CMDLINE_LINUX="{MENU_OPTIONS}"\n'
                                  "GRUB_TERMINAL=console\n",
    # It tells the journal of every command.
    "etc/systemd/system/qemu-guest-agent.service.d/lab.conf": "[Service]\nLogLevelMax=warning\n",
    # Drivers of this machine alone: to copy all of them takes ten minutes in software emulation.
    "etc/initramfs-tools/conf.d/lab": "MODULES=dep\n",
}


def write_files(root, files):
    for name, text in files.items():
        path = pathlib.Path(root, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_text(text, encoding="utf-8")


def move_loopback(root):
    """A mirror or proxy on this machine's loopback is at the gateway for a virtual machine."""
    hosts = pathlib.Path("/etc/hosts").read_text(encoding="utf-8").splitlines()
    names = {name for line in hosts if line.startswith("127.") for name in line.split("#")[0].split()[1:]}
    own = [f"{GATEWAY} {name}" for name in sorted(names - {"localhost"})]
    others = [line for line in hosts if not line.startswith("127.")]
    write_files(root, {"etc/hosts": "\n".join([f"127.0.0.1 localhost\n{GATEWAY} {GATEWAY_NAME}", *own, *others]) + "\n"})
    for name in ("etc/apt/apt.conf.d/90lab", "etc/apt/sources.list"):
        text = pathlib.Path(root, name).read_text(encoding="utf-8")
        moved = re.sub(r"//(localhost|127\.[0-9.]+|\[::1\])(?=[:/\"])", f"//{GATEWAY}", text)
        write_files(root, {name: moved})


def first_menu(root):
    """What an installer leaves: the one kernel that is there."""
    kernels = [path.name.removeprefix("vmlinuz-") for path in pathlib.Path(root, "boot").glob("vmlinuz-*")]
    if len(kernels) != 1:
        raise roots.LabError(f"the root should have one kernel, and has {kernels}")
    return ("set timeout=0\nmenuentry 'as installed' {\n"
            f"linux /boot/vmlinuz-{kernels[0]} root=/dev/vda1 ro {MENU_OPTIONS}\n"
            f"initrd /boot/initrd.img-{kernels[0]}\n}}\n")


def put_boot_loader(root, disk):
    """What grub-install does: modules into /boot, boot.img into the first sector around the partition
    table, core.img right behind it."""
    modules = pathlib.Path(root, "boot/grub/i386-pc")
    shutil.copytree(pathlib.Path(root, "usr/lib/grub/i386-pc"), modules)
    roots.run_host("chroot", root, "grub-mkimage", "-O", "i386-pc", "-p", "(hd0,msdos1)/boot/grub", "-o",
                   "/boot/grub/i386-pc/core.img", "biosdisk", "part_msdos", "ext2")
    core = (modules / "core.img").read_bytes()
    n_sectors = disk.stat().st_size // SECTOR_BYTES - FIRST_SECTOR
    entry = struct.pack("<B3sB3sII", 0x80, b"\xfe\xff\xff", LINUX_PARTITION, b"\xfe\xff\xff", FIRST_SECTOR, n_sectors)
    code = (modules / "boot.img").read_bytes()[:BOOT_CODE_BYTES]
    if len(core) > (FIRST_SECTOR - 1) * SECTOR_BYTES:
        raise roots.LabError(f"GRUB's core image of {len(core)} bytes doesn't fit before the first partition")
    with open(disk, "r+b") as out:
        out.write(code + struct.pack("<IH", DISK_SIGNATURE, 0) + entry + bytes(3 * len(entry)) + b"\x55\xaa" + core)


def make_disk(root, disk, size_mib):
    """Makes the raw image at path disk from a root that is changed for it: give it a copy."""
    disk = pathlib.Path(disk)
    write_files(root, {**FILES, "boot/grub/grub.cfg": first_menu(root)})
    move_loopback(root)
    pathlib.Path(root, "var/log/journal").mkdir(exist_ok=True)  # kept, so that it knows every boot
    roots.run_host("chroot", root, "systemctl", "-q", "enable", "systemd-networkd.service")
    with open(disk, "wb") as out:
        out.truncate(size_mib << 20)
    put_boot_loader(root, disk)
    # Features that the release's GRUB can't read are left out, whatever this machine's mke2fs likes.
    roots.run_host("mke2fs", "-q", "-t", "ext4", "-O", "^metadata_csum_seed,^orphan_file", "-d", root,
                   "-E", f"offset={FIRST_SECTOR * SECTOR_BYTES}", disk, f"{size_mib - 1}M")
