"""The example of the README does what it says."""
import pathlib
import runpy

EXAMPLE = pathlib.Path(__file__).resolve().parents[3] / "examples" / "quickstart.py"


def test_the_example_prints_what_the_readme_says(capsys):
    runpy.run_path(str(EXAMPLE))

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("allowed {'RateLimit-Policy': '\"user\";q=120;w=60'")
    assert lines[1:] == ["(201, b'order of 3 apples')"] * 2 + ["[(1,)]"]
