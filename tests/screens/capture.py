#!/usr/bin/env python3
"""Draws what a command shows in a terminal as an SVG picture (apt-get install python3-pyte python3-rich).

    capture.py PICTURE COLUMNSxROWS SECONDS COMMAND...

The command runs in a pseudo-terminal of that size for so many seconds, or until it ends; what the screen shows then is drawn.
"""
import fcntl
import io
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

import pyte
from rich.console import Console
from rich.style import Style
from rich.text import Text

picture, size, seconds, *command = sys.argv[1:]
columns, rows = map(int, size.split("x"))
screen = pyte.Screen(columns, rows)
stream = pyte.ByteStream(screen)
pid, terminal = pty.fork()
if pid == 0:
    os.environ.update(TERM="xterm-256color", LC_ALL="C.UTF-8")
    # The size has to be there before the program looks at it.
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    os.execvp(command[0], command)
end = time.monotonic() + float(seconds)
try:
    while (left := end - time.monotonic()) > 0:
        if select.select([terminal], [], [], left)[0]:
            stream.feed(os.read(terminal, 65536))
except OSError:
    pass  # The command has ended.
else:
    os.kill(pid, signal.SIGKILL)
os.waitpid(pid, 0)

COLORS = {"brown": "yellow", "default": None}


def color(name):
    name = COLORS.get(name, name)
    return None if name is None else f"#{name}" if len(name) == 6 and all(c in "0123456789abcdef" for c in name) else name.replace("bright", "bright_")


text = Text()
if any(line.strip() for line in screen.display):
    last = max(i for i, line in enumerate(screen.display) if line.strip())
    for row in range(last + 1):
        for column in range(columns):
            cell = screen.buffer[row][column]
            text.append(cell.data, Style(color=color(cell.fg), bgcolor=color(cell.bg), bold=cell.bold, reverse=cell.reverse))
        text.append("\n" if row < last else "")
console = Console(width=columns, record=True, file=io.StringIO(), force_terminal=True, color_system="truecolor", legacy_windows=False)
console.print(text, end="", no_wrap=True, overflow="crop", highlight=False)
title = os.path.basename(picture).removesuffix(".svg").replace("-", " ")
drawn = console.export_svg(title=title)
with open(picture, "w", encoding="utf-8") as file:
    # A picture in a document fetches nothing.
    file.write(re.sub(r"@font-face\s*\{.*?\}\s*", "", drawn, flags=re.S))
