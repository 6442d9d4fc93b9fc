"""One live line on a terminal, sparse lines elsewhere."""

import io

from depth_pc_ros.cli.progress import ProgressLine


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_gets_one_line_that_is_replaced():
    terminal = Terminal()
    line = ProgressLine(terminal)
    line.show("a long first text")
    line.show("short")
    line.close()
    line.close()
    first, second = terminal.getvalue().split("\r")[1:]
    assert first.rstrip() == "a long first text"
    assert second.rstrip() == "short"
    assert len(second) >= len(first)  # what was longer is wiped out
    assert terminal.getvalue().count("\n") == 1


def test_a_pipe_gets_few_plain_lines():
    pipe = io.StringIO()
    line = ProgressLine(pipe)
    for k in range(50):
        line.show(f"step {k}")
    line.close()
    assert pipe.getvalue() == "step 0\n"
