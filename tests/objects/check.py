"""A study whose files, work folder and publication lie in an object store; run by `make test-objects`.

The store is moto's server, which keeps S3's objects in memory and has an environment of its own. Hadoop's s3a
and the parts of Amazon's SDK that it needs come from Maven. A driver is killed in the middle, another is kept
out, and the publication has the bytes of a local run.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.request import Request, urlopen

from jobs.tools import daemons, setup

HERE = Path(__file__).parent
BUILD = setup.ROOT / "build" / "objects"
JARS = BUILD / "jars"
DIAMANT = Path(sys.executable).parent / "diamant"
PACKAGES = (
    "org.apache.hadoop:hadoop-aws:3.4.2",
    "software.amazon.awssdk:s3:2.29.52",
    "software.amazon.awssdk:s3-transfer-manager:2.29.52",
)
# What Spark brings itself, and one JAR of 600 MB with all of Amazon's SDK.
LEFT_OUT = (
    *("software.amazon.awssdk:bundle", "org.wildfly.openssl:wildfly-openssl", "org.apache.httpcomponents:*"),
    *("commons-codec:*", "commons-logging:*", "io.netty:*", "org.slf4j:*"),
)
STUDY = ("--countries", "AA", "--waves", "w1", "--regions", "6", "--sectors", "5", "--firms", "600")
BUCKET = "study"
HEADERS = {
    "Content-Type": "application/octet-stream",
    # The server looks whether there is a signature, and not at it.
    "Authorization": "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/s3/aws4_request, Signature=0",
}
PATIENCE = 900  # seconds


def main() -> None:
    if not JARS.is_dir():
        fetch_jars()
    with tempfile.TemporaryDirectory() as own:
        folder, port = Path(own), daemons.free_port()
        command = [str(BUILD / "bin" / "moto_server"), "-H", daemons.HOST, "-p", str(port)]
        daemons.start(folder, "store", command, {})
        try:
            daemons.wait_for(lambda: daemons.listens(port), "the object store")
            compare(folder, Store(f"http://{daemons.HOST}:{port}"))
        finally:
            daemons.stop(folder)
    print("On an object store: the bytes of a local run, after a kill too; a second driver ends with code 5.")


def fetch_jars() -> None:
    """Those of s3a from Maven, as locked, beside Delta's."""
    draft = BUILD / "draft"
    shutil.rmtree(draft, ignore_errors=True)
    files = setup._found("s3a", PACKAGES, "the JARs of s3a could not be downloaded", LEFT_OUT)
    setup._put(files, HERE / "jars.sha256", draft)
    for delta in (setup.ENVIRONMENT / "jars").glob("*.jar"):
        shutil.copy(delta, draft)
    shutil.rmtree(setup.ENVIRONMENT / "ivy" / "s3a")
    draft.rename(JARS)


class Store:
    """A bucket of the server, as its own protocol shows it."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._ask("PUT", "")

    def put(self, name: str, content: bytes) -> None:
        self._ask("PUT", f"/{name}", content)

    def names(self, below: str) -> list[str]:
        """Up to 1,000 names that begin so."""
        said = self._ask("GET", f"?list-type=2&prefix={below}").decode()
        return [name for name in re.findall(r"<Key>(.*?)</Key>", said) if not name.endswith("/")]

    def content(self, below: str) -> dict[str, bytes]:
        return {name.removeprefix(below): self._ask("GET", f"/{name}") for name in self.names(below)}

    def _ask(self, method: str, what: str, content: bytes | None = None) -> bytes:
        asked = Request(f"{self.address}/{BUCKET}{what}", content, HEADERS, method=method)
        with urlopen(asked, timeout=60) as answer:
            return bytes(answer.read())


def compare(folder: Path, store: Store) -> None:
    study = folder / "study"
    ended_well(start("simulate", "--out", str(study), *STUDY))
    ended_well(start("run", "--conf", str(study / "AA.yaml"), *changes(str(folder))))
    local = {file.name: file.read_bytes() for file in (folder / "published").iterdir()}
    for file in (file for file in study.rglob("*") if file.is_file()):
        store.put(f"input/{file.relative_to(study)}", file.read_bytes())
    conf = folder / "AA.yaml"
    conf.write_text((study / "AA.yaml").read_text().replace(str(study), f"s3a://{BUCKET}/input"))
    command = ("run", "--conf", str(conf), *changes(f"s3a://{BUCKET}"), *options(store.address))

    first = start(*command)
    wait_until(lambda: store.names("work/locks/run-"), first)
    second = start(*command)
    said = second.communicate(timeout=PATIENCE)[0]
    assert second.returncode == 5, said
    wait_until(lambda: store.names("work/tables/harmonised/"), first)
    assert not store.names("published/")
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()

    said = ended_well(start(*command))
    assert re.search("ingest .* skipped", said), "the work of the driver that was killed is taken up"
    assert differing(store.content("published/"), local) == set()
    said = ended_well(start(*command))
    assert said.count("up to date, skipped") == 7, said
    assert differing(store.content("published/"), local) == set()


def differing(published: dict[str, bytes], local: dict[str, bytes]) -> set[str]:
    return {name for name in published.keys() | local.keys() if published.get(name) != local.get(name)}


def changes(folder: str) -> list[str]:
    given = (f"work={folder}/work", f"out={folder}/published", "disclosure.threshold=10")
    return [part for change in (*given, "fit.max_failed_groups=1") for part in ("--set", change)]


def options(address: str) -> list[str]:
    """The settings of s3a for this server, as docs/cluster.md tells of others."""
    own = {
        **{"endpoint": address, "endpoint.region": "us-east-1", "path.style.access": "true"},
        **{"connection.ssl.enabled": "false", "access.key": "a", "secret.key": "b"},
        # The SDK's own Netty is older than Spark's, with which it cannot send files.
        "optimized.copy.from.local.enabled": "false",
    }
    words = ", ".join(f"spark.hadoop.fs.s3a.{name}: '{value}'" for name, value in own.items())
    return ["--set", f"spark.jars={JARS}", "--set", f"spark.options={{{words}}}"]


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(DIAMANT), *arguments],
        cwd=setup.ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def ended_well(process: subprocess.Popen[str]) -> str:
    said = process.communicate(timeout=PATIENCE)[0]
    assert process.returncode == 0, said
    return said


def wait_until(holds, process: subprocess.Popen[str]) -> None:
    ended = time.monotonic() + PATIENCE
    while not holds():
        assert process.poll() is None and time.monotonic() < ended, process.communicate()[0]
        time.sleep(0.1)


if __name__ == "__main__":
    main()
