"""The page: self-contained, escaped, and opened in a real browser where there is one."""

import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser

import pytest

pytest.importorskip("jinja2", reason="the extra 'report' is not installed")
pytest.importorskip("matplotlib", reason="the extra 'report' is not installed")

from planish.runtime_check.check import check
from planish.runtime_check.quality import Quality
from planish.runtime_check.report.html import to_html

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
browser = pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")

VOID = {"meta", "link", "img", "br", "input"}


class Page(HTMLParser):
    """Collects what refers to other files and checks that elements nest."""

    def __init__(self, text):
        super().__init__()
        self.open, self.references, self.ids, self.scripts = [], [], [], 0
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.scripts += tag == "script"
        self.ids += [attributes["id"]] if "id" in attributes else []
        self.references += [attributes[key] for key in ("src", "href", "xlink:href") if key in attributes]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_page_is_self_contained_and_well_formed(full_result):
    text = to_html(full_result)
    page = Page(text)
    assert page.open == []
    assert page.scripts == 0
    assert {reference.partition(":")[0] for reference in page.references if not reference.startswith("#")} == {"data"}
    assert "url(http" not in text
    assert "@import" not in text
    assert len(text) < 3_000_000


def test_names_are_escaped(full_result):
    text = to_html(full_result)
    assert "<script>" not in text
    assert "&lt;script&gt;alert" in text
    assert "a&amp;b.onnx" in text


def test_everything_is_there(full_result):
    text = to_html(full_result)
    for what in (
        "A gate failed",
        "FAILED</span> max-abs-error",
        "top-1 accuracy, % against CPU time",
        "million MACs",
        "milliseconds",
        "thousand parameters",
        "Where the error enters",
        "onnxruntime 1.30",
        "crashed (SIGSEGV)",
        "data:image/jpeg;base64,",
        "sha256 of",
        "processor",
        "&#34;channel_order&#34;: &#34;BGR&#34;",
    ):
        assert what in text, what
    assert text.count('src="data:image/jpeg;base64,') == 9  # one sample is shown as both models answer it
    assert 'alt="answer of' in text


def test_large_figures_stand_on_top(full_result):
    text = to_html(full_result)
    first = text.index("<h2>")
    for what in ("1.00×</strong> as many multiply-accumulates", "0 of 1</strong> runtimes run it", "of top-1 accuracy"):
        assert 0 < text.index(what) < first, what


def test_plan_layout_and_names_of_classes(full_result):
    text = to_html(full_result)
    for what in (
        "tucker 48x32",
        "0.500 -&gt; 0.250",
        "2.00 -&gt; 1.00",
        "conv&lt;1&gt;",
        "outside NCHWc</td><td>conv&lt;2&gt;",
        "ReorderInput after x, before y",
        "stayed float</td><td>fc",
        "0 &lt;b&gt;cat&lt;/b&gt;</dd>",
    ):
        assert what in text, what
    assert "<b>" not in text


def test_a_screen_reader_finds_its_way(full_result):
    """Headings in order, a text for every picture, a name for every scrolling region, a language."""
    text = to_html(full_result)
    assert re.findall(r"<h(\d)", text)[0] == "1"
    assert set(re.findall(r"<h(\d)", text)[1:]) == {"2"}
    assert all('alt="' in image for image in re.findall(r"<img [^>]*>", text))
    assert all("aria-label=" in region for region in re.findall(r'<div class="scroll"[^>]*>', text))
    assert all("scope=" in cell for cell in re.findall(r"<th[ >][^>]*", text))
    assert '<html lang="en">' in text


def test_plots_take_their_ink_from_the_page(full_result):
    text = to_html(full_result)
    plots = re.findall(r"<svg.*?</svg>", text, flags=re.DOTALL)
    assert len(plots) == 8
    for plot in plots:
        assert 'role="img" aria-label="' in plot
        assert "currentColor" in plot
        assert "#000000" not in plot
    ids = [re.findall(r'id="(m\w+|p\w{8,})"', plot) for plot in plots]
    assert sum(len(set(one)) for one in ids) == len(set().union(*ids))


def test_one_model_without_data(classifier):
    text = to_html(check(classifier(), latency_seconds=0))
    assert Page(text).open == []
    assert "Where the error enters" not in text


def dump(page, folder, *options):
    (folder / "page.html").write_text(page)
    command = [BROWSER, "--headless=new", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--dump-dom"]
    profile = f"--user-data-dir={folder / 'profile'}"
    address = (folder / "page.html").as_uri()
    command += [profile, *options, address]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


@browser
def test_browser_has_no_complaints_and_controls_work(full_result, tmp_path):
    """A script, put into a copy of the page, presses every button and says which plots were then to be seen."""
    script = """<script>
    const plots = [...document.querySelectorAll(".plot")];
    const seen = () => plots.filter(p => p.offsetHeight > 50).map(p => p.classList[2]);
    const said = [seen()];
    for (const button of document.querySelectorAll("input[type=radio]")) { button.click(); said.push(seen()); }
    for (const summary of document.querySelectorAll("summary")) summary.click();
    said.push([...document.querySelectorAll("details[open] table")].length);
    said.push(document.documentElement.scrollWidth <= window.innerWidth);
    said.push(document.querySelectorAll("img").length == [...document.images].filter(i => i.naturalWidth > 0).length);
    document.title = "SAID " + JSON.stringify(said);
    </script></body>"""
    page, complaints = dump(to_html(full_result).replace("</body>", script), tmp_path, "--window-size=500,900")
    said = re.search(r"<title>SAID (.*?)</title>", page).group(1)
    wanted = '[["plot-macs"],["plot-macs"],["plot-ms"],["plot-params"],4,true,true]'
    assert said == wanted
    assert complaints == []


@browser
def test_dark_mode_is_dark(full_result, tmp_path):
    script = '<script>document.title = "SAID " + getComputedStyle(document.body).backgroundColor</script></body>'
    page = to_html(full_result).replace("</body>", script)
    light, _ = dump(page, tmp_path)
    dark, _ = dump(page, tmp_path, "--blink-settings=preferredColorScheme=0")
    assert "SAID rgb(255, 255, 255)" in light
    assert "SAID rgb(20, 22, 26)" in dark


def test_other_tasks_have_their_own_figure_over_latency(full_result):
    models = tuple(replace(model, accuracy=None) for model in full_result.models)
    detector = replace(full_result, models=models, qualities=(Quality("mAP at IoU 0.5", "%", (90.0, 80.0)),))
    assert 'aria-label="mAP at IoU 0.5, % against CPU time of one run"' in to_html(detector)
    between = replace(detector, qualities=(Quality("PSNR to the first model", "dB", (40.0,)),), differences=())
    assert "against CPU time" not in to_html(between)
