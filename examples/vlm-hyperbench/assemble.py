#!/usr/bin/env python3
"""Assembles the demonstration monorepo in the folder build/ beside this file.

build/remotes/         one bare repository for each internal package, with its release tags
build/vlm-hyperbench/  the monorepo: tasks.kdl, submodules, and indexes made of tiny wheels

No network is used. Every author, date and archive is fixed, so that commits and hashes
are the same on every machine. The manifests are missing on purpose: envloom writes them.

    python assemble.py          assemble, unless that is done; says so in one line
    python assemble.py --fresh  remove build/ first, with all that was made in it since
    python assemble.py --env    print only the line to evaluate for commands typed by hand
"""

import argparse
import base64
import hashlib
import io
import os
import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
BUILD = HERE / "build"
PROJECT = "vlm-hyperbench"
HOST = "https://git.example.com/vlm/"
STAMP = "assembled"
AUTHOR = "Example Maintainer <maintainer@example.com>"
SECONDS = 1735732800  # 2025-01-01 12:00:00 UTC; each commit of a package is a day later.
DAY = 86400
RELEASES = ("0.1.1", "0.1.2.dev0", "0.1.2")  # 0.1.2 is 0.1.2.dev0 but for version and changelog.

# name: (requirements, siblings that its own sources name). print-utils is required twice,
# once with a source of its own (hello-world) and once without (prompt-handler), because
# uv treats a git source differently in the two cases.
PACKAGES = {
    "bench-utils": (["tqdm>=4.66"], []),
    "hello-world": (["print-utils>=0.1"], ["print-utils"]),
    "model-interface": (["torch>=2.4", "bench-utils>=0.1"], ["bench-utils"]),
    "prompt-handler": (["pandas>=2.2", "print-utils>=0.1"], []),
    "print-utils": ([], []),
}

# Stand-ins of a few bytes under real names, so that requirements read as in a real project.
# The wheelhouse also holds what must never be locked: a stranger's package under the name
# of an internal one, and a torch of no variant.
INDEXES = {
    "wheelhouse": [
        ("numpy", "2.2.6", []),
        ("pandas", "2.3.0", ["numpy>=1.22.4"]),
        ("print-utils", "9.9.9", []),
        ("ruff", "0.12.0", []),
        ("torch", "2.7.1", []),
        ("tqdm", "4.67.1", []),
    ],
    "cu124": [
        ("torch", "2.5.1+cu124", []),
        ("torch", "2.6.0+cu124", []),
        ("torchvision", "0.20.1+cu124", ["torch==2.5.1"]),
        ("torchvision", "0.21.0+cu124", ["torch==2.6.0"]),
    ],
    "cu128": [
        ("torch", "2.7.0+cu128", []),
        ("torchvision", "0.22.0+cu128", ["torch==2.7.0"]),
    ],
    "cpu": [
        ("torch", "2.6.0+cpu", []),
        ("torch", "2.7.0+cpu", []),
        ("torchvision", "0.21.0+cpu", ["torch==2.6.0"]),
        ("torchvision", "0.22.0+cpu", ["torch==2.7.0"]),
    ],
}

# Each package builds itself with this file: it needs nothing but Python, hence no network.
BACKEND = '''\
"""A build backend in the tree, so that building this package downloads nothing."""

import base64
import hashlib
import re
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent


def _project():
    # Python 3.10 has no TOML reader; the manifest beside this file is simple on purpose.
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    name = re.search(r'^name = "(.+)"$', text, re.M).group(1)
    version = re.search(r'^version = "(.+)"$', text, re.M).group(1)
    block = re.search(r"^dependencies = \\[(.*?)\\]", text, re.M | re.S).group(1)
    return name, version, re.findall(r'"(.+?)"', block)


def _write(directory, editable):
    name, version, requirements = _project()
    module = name.replace("-", "_")
    info = "%s-%s.dist-info" % (module, version)
    metadata = "Metadata-Version: 2.1\\nName: %s\\nVersion: %s\\n" % (name, version)
    metadata += "".join("Requires-Dist: %s\\n" % each for each in requirements)
    files = {}
    if editable:
        files["__editable__%s.pth" % module] = (str(ROOT / "src") + "\\n").encode()
    else:
        for path in sorted((ROOT / "src").rglob("*.py")):
            files[path.relative_to(ROOT / "src").as_posix()] = path.read_bytes()
    files[info + "/METADATA"] = metadata.encode()
    files[info + "/WHEEL"] = b"Wheel-Version: 1.0\\nGenerator: in-tree\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
    record = ""
    for path, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        record += "%s,sha256=%s,%d\\n" % (path, digest, len(content))
    files[info + "/RECORD"] = (record + info + "/RECORD,,\\n").encode()
    wheel = "%s-%s-py3-none-any.whl" % (module, version)
    with zipfile.ZipFile(str(Path(directory) / wheel), "w") as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return wheel


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    return _write(wheel_directory, editable=False)


def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    return _write(wheel_directory, editable=True)
'''

SMOKE = '''\
"""Says what the environment of this cell holds, and from where."""

import sys
from importlib import import_module, metadata
from pathlib import Path

NAMES = ["bench-utils", "hello-world", "model-interface", "print-utils", "prompt-handler"]

lines = ["python %d.%d" % sys.version_info[:2]]
for name in NAMES + ["torch", "torchvision"]:
    lines.append("%s %s" % (name, metadata.version(name)))
    import_module(name.replace("-", "_"))
text = "\\n".join(lines) + "\\n"
if len(sys.argv) > 1:
    Path(sys.argv[1]).parent.mkdir(parents=True, exist_ok=True)
    Path(sys.argv[1]).write_text(text, encoding="utf-8")
print(text, end="")
'''


def mapping(build):
    """Git's configuration, as variables: the remotes' addresses lead into build/remotes/."""
    settings = [
        ("url.%s/.insteadOf" % (build / "remotes"), HOST),
        # Git refuses submodules from the file system unless told that it is wanted.
        ("protocol.file.allow", "always"),
    ]
    variables = {"GIT_CONFIG_COUNT": str(len(settings))}
    for number, (key, value) in enumerate(settings):
        variables["GIT_CONFIG_KEY_%d" % number] = key
        variables["GIT_CONFIG_VALUE_%d" % number] = value
    return variables


def export_line():
    variables = dict(mapping(BUILD), UV_NO_GITHUB_FAST_PATH="1")
    return "export " + " ".join(
        "%s=%s" % (name, shlex.quote(value)) for name, value in variables.items()
    )


def git(build, directory, *words, data=None):
    # Variables of a hook or of a user's configuration must change no commit.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    name, mail = AUTHOR[:-1].split(" <")
    date = "%d +0000" % (SECONDS + len(RELEASES) * DAY)
    environment.update(
        mapping(build),
        GIT_CONFIG_GLOBAL=os.devnull,
        GIT_CONFIG_NOSYSTEM="1",
        GIT_DEFAULT_HASH="sha1",
        GIT_TERMINAL_PROMPT="0",
        GIT_AUTHOR_NAME=name,
        GIT_AUTHOR_EMAIL=mail,
        GIT_AUTHOR_DATE=date,
        GIT_COMMITTER_NAME=name,
        GIT_COMMITTER_EMAIL=mail,
        GIT_COMMITTER_DATE=date,
        LC_ALL="C",
    )
    done = subprocess.run(
        ["git"] + list(words),
        cwd=str(directory),
        env=environment,
        input=data if data is not None else b"",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if done.returncode != 0:
        sys.exit("git %s failed:\n%s" % (" ".join(words), done.stdout.decode(errors="replace")))


def init(build, directory, *flags):
    directory.mkdir(parents=True)
    git(build, directory, "init", "--quiet", "--template=", *flags)
    # `init --initial-branch` would ask for a newer git than the rest does.
    git(build, directory, "symbolic-ref", "HEAD", "refs/heads/main")


def package_files(name, version):
    requirements, siblings = PACKAGES[name]
    module = name.replace("-", "_")
    lines = ["[project]", 'name = "%s"' % name, 'version = "%s"' % version]
    lines += ['requires-python = ">=3.10"', "dependencies = ["]
    lines += ['    "%s",' % each for each in requirements]
    lines += ["]", "", "[build-system]", "requires = []"]
    lines += ['build-backend = "build_backend"', 'backend-path = ["."]']
    if siblings:
        lines += ["", "[tool.uv.sources]"]
        lines += ["%s = { workspace = true }" % each for each in siblings]
    # 0.1.1 says less than the later releases, so that their trees differ in more than a number.
    greeting = "" if version == RELEASES[0] else 'GREETING = "hello from %s"\n' % name
    changes = RELEASES[: RELEASES.index(version) + 1]
    return {
        # Running the backend leaves its bytecode, and git would call the submodule dirty.
        ".gitignore": "__pycache__/\n",
        "CHANGELOG.md": "# Changes\n\n" + "".join("- %s\n" % each for each in reversed(changes)),
        "build_backend.py": BACKEND,
        "pyproject.toml": "\n".join(lines) + "\n",
        "src/%s/__init__.py" % module: '"""%s, a package of the demonstration."""\n%s' % (name, greeting),
    }


def history(name):
    """The package's whole history as a stream for `git fast-import`."""
    stream = io.BytesIO()

    def data(text):
        content = text.encode()
        stream.write(b"data %d\n%s\n" % (len(content), content))

    for number, version in enumerate(RELEASES):
        who = ("%s %d +0000" % (AUTHOR, SECONDS + number * DAY)).encode()
        stream.write(b"commit refs/heads/main\nmark :%d\n" % (number + 1))
        stream.write(b"author %s\ncommitter %s\n" % (who, who))
        data("Release %s\n" % version)
        if number:
            stream.write(b"from :%d\n" % number)
        for path, text in package_files(name, version).items():
            stream.write(b"M 100644 inline %s\n" % path.encode())
            data(text)
        stream.write(b"tag v%s\nfrom :%d\n" % (version.encode(), number + 1))
        stream.write(b"tagger %s\n" % who)
        data("%s %s\n" % (name, version))
    return stream.getvalue()


def wheel(name, version, requirements):
    module = name.replace("-", "_")
    info = "%s-%s.dist-info" % (module, version)
    metadata = "Metadata-Version: 2.1\nName: %s\nVersion: %s\n" % (name, version)
    metadata += "".join("Requires-Dist: %s\n" % each for each in requirements)
    files = {
        module + "/__init__.py": '__version__ = "%s"\n' % version,
        info + "/METADATA": metadata,
        info + "/WHEEL": "Wheel-Version: 1.0\nGenerator: example\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())
        record += "%s,sha256=%s,%d\n" % (path, digest.rstrip(b"=").decode(), len(text.encode()))
    files[info + "/RECORD"] = record + info + "/RECORD,,\n"
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as archive:
        for path, text in files.items():
            # A fixed date, system and mode: the archive's hash is in the lockfiles.
            entry = zipfile.ZipInfo(path, (2025, 1, 1, 0, 0, 0))
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, text)
    return "%s-%s-py3-none-any.whl" % (module, version), content.getvalue()


def write_indexes(directory):
    """Indexes as PEP 503 has them: a page for each project, beside its files."""
    for index, wheels in INDEXES.items():
        links = {}
        for name, version, requirements in wheels:
            file, content = wheel(name, version, requirements)
            folder = directory / index / name
            folder.mkdir(parents=True, exist_ok=True)
            (folder / file).write_bytes(content)
            digest = hashlib.sha256(content).hexdigest()
            address = file.replace("+", "%2B")
            links.setdefault(name, []).append('<a href="%s#sha256=%s">%s</a>' % (address, digest, file))
        for name, anchors in links.items():
            page = "<!DOCTYPE html>\n<html><body>\n%s\n</body></html>\n" % "<br>\n".join(anchors)
            (directory / index / name / "index.html").write_bytes(page.encode())


def assemble(build):
    for name in PACKAGES:
        remote = build / "remotes" / (name + ".git")
        init(build, remote, "--bare")
        git(build, remote, "fast-import", "--quiet", data=history(name))
    root = build / PROJECT
    init(build, root)
    shutil.copyfile(str(HERE / "tasks.kdl"), str(root / "tasks.kdl"))
    (root / "tests").mkdir()
    (root / "tests" / "smoke.py").write_bytes(SMOKE.encode())
    (root / ".gitignore").write_bytes(b"__pycache__/\nreports/\n")
    # A user's git may rewrite line ends; the hashes in the lockfiles must not follow.
    (root / ".gitattributes").write_bytes(b"* -text\n")
    write_indexes(root / "indexes")
    for name in PACKAGES:
        path = "packages/" + name.replace("-", "_")
        git(build, root, "submodule", "--quiet", "add", "--name", path, HOST + name + ".git", path)
    git(build, root, "add", "--all")
    git(build, root, "commit", "--quiet", "--message", "Assemble the demonstration")


def stamp():
    """What build/ was made from; another value means that it is out of date."""
    digest = hashlib.sha256(Path(__file__).resolve().read_bytes())
    digest.update((HERE / "tasks.kdl").read_bytes())
    return digest.hexdigest() + "\n"


def main():
    parser = argparse.ArgumentParser(description="Assemble the demonstration monorepo in build/.")
    parser.add_argument("--fresh", action="store_true", help="remove build/ first")
    parser.add_argument("--env", action="store_true", help="print only the line to evaluate")
    arguments = parser.parse_args()
    if arguments.env:
        print(export_line())
        return
    mark = BUILD / STAMP
    if BUILD.exists() and not arguments.fresh:
        if not mark.exists() or mark.read_text() != stamp():
            # Somebody may have worked in there, so that only they can say that it may go.
            sys.exit("build/ was made by other sources; `assemble.py --fresh` removes it and assembles again")
        print("build/%s is assembled already (%d packages)" % (PROJECT, len(PACKAGES)))
    else:
        # Assembled aside and then renamed: an interrupted run leaves no half of a repository.
        aside = HERE / "build.new"
        for old in (aside, BUILD):
            if old.exists():
                shutil.rmtree(str(old))
        assemble(aside)
        (aside / STAMP).write_text(stamp())
        aside.rename(BUILD)
        print("assembled build/%s: %d packages with %d tags each, %d indexes" % (PROJECT, len(PACKAGES), len(RELEASES), len(INDEXES)))
    print(export_line())


if __name__ == "__main__":
    main()
