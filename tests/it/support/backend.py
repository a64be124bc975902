"""A PEP 517/660 build backend without requirements, for the packages of envloom's tests."""

import base64
import hashlib
import os
import re
import zipfile


def _project():
    """Name, version and the lines of METADATA, from pyproject.toml."""
    with open("pyproject.toml", encoding="utf-8") as file:
        text = file.read()
    try:
        import tomllib
    except ImportError:  # Python 3.10: the few keys that the tests write
        table = re.search(r"(?ms)^\[project\]\n(.*?)(?=^\[|\Z)", text).group(1)
        value = lambda key: re.search(r'(?m)^%s = "(.*)"' % key, table).group(1)
        array = re.search(r"(?ms)^dependencies = \[(.*?)\]\s*$", table)
        project = {"name": value("name"), "version": value("version")}
        project["dependencies"] = re.findall(r'"([^"]*)"', array.group(1)) if array else []
    else:
        project = tomllib.loads(text)["project"]
    lines = ["Metadata-Version: 2.1", "Name: " + project["name"], "Version: " + project["version"]]
    lines += ["Requires-Dist: " + requirement for requirement in project.get("dependencies", [])]
    for extra, requirements in project.get("optional-dependencies", {}).items():
        lines.append("Provides-Extra: " + extra)
        for requirement in requirements:
            requirement, _, marker = requirement.partition(";")
            marker = "(%s) and " % marker.strip() if marker else ""
            lines.append("Requires-Dist: %s; %sextra == '%s'" % (requirement.strip(), marker, extra))
    stem = re.sub(r"[-_.]+", "_", project["name"]).lower() + "-" + project["version"]
    return stem, "\n".join(lines) + "\n"


def _dist_info(stem, metadata):
    wheel = "Wheel-Version: 1.0\nGenerator: envloom-tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    return {stem + ".dist-info/METADATA": metadata.encode(), stem + ".dist-info/WHEEL": wheel.encode()}


def _write(directory, stem, files):
    name, record = stem + "-py3-none-any.whl", stem + ".dist-info/RECORD"
    lines = []
    with zipfile.ZipFile(os.path.join(directory, name), "w") as archive:
        for path, content in sorted(files.items()):
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            lines.append("%s,sha256=%s,%d" % (path, digest, len(content)))
            archive.writestr(zipfile.ZipInfo(path), content)
        archive.writestr(zipfile.ZipInfo(record), "\n".join(lines + [record + ",,", ""]))
    return name


def build_wheel(directory, config_settings=None, metadata_directory=None):
    stem, metadata = _project()
    files = _dist_info(stem, metadata)
    for folder, folders, names in os.walk("src"):
        folders[:] = [name for name in folders if name != "__pycache__"]
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:
                files[os.path.relpath(os.path.join(folder, name), "src")] = file.read()
    return _write(directory, stem, files)


def build_editable(directory, config_settings=None, metadata_directory=None):
    stem, metadata = _project()
    files = _dist_info(stem, metadata)
    files["__editable__." + stem + ".pth"] = (os.path.abspath("src") + "\n").encode()
    return _write(directory, stem, files)


def prepare_metadata_for_build_wheel(directory, config_settings=None):
    stem, metadata = _project()
    for path, content in _dist_info(stem, metadata).items():
        os.makedirs(os.path.dirname(os.path.join(directory, path)), exist_ok=True)
        with open(os.path.join(directory, path), "wb") as file:
            file.write(content)
    return stem + ".dist-info"


prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel
