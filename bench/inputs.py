"""The benchmark's inputs: what each file is called, and making it where it is absent."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
SUFFIX = {
    "parquet": ".parquet",
    "parquet-files": "",
    "zeek-tsv": ".zeek.log",
    "zeek-tsv.gz": ".zeek.log.gz",
    "zeek-json": ".zeek.json",
    "eve-json": ".eve.json",
    "ecs-json": ".ecs.json",
    "ocsf-json": ".ocsf.json",
    "aws-text": ".aws.log",
    "eql-json": ".eql.json",
}


@dataclass(frozen=True)
class Input:
    """One input: a format (`parquet-files` is a directory of Parquet files), a number of flows, a shape."""

    form: str
    flows: int
    shape: str = "mix"

    @property
    def name(self) -> str:
        """The file's name inside the data folder."""
        return f"{self.shape}-{self.flows}{SUFFIX[self.form]}"

    def __str__(self) -> str:
        """Return how the tables call it."""
        million = self.flows / 1e6
        return f"{million:g}M {self.form}" + ("" if self.shape == "mix" else f" {self.shape}")

    def smaller(self, factor: int) -> "Input":
        """Return the same input with fewer flows."""
        return Input(self.form, self.flows // factor, self.shape)

    def ready(self, data: Path) -> Path:
        """Return the input's path, after making it if it is not there yet."""
        path = data / self.name
        if not path.exists():
            print(f"making {self} ...", file=sys.stderr, flush=True)
            form = "parquet" if self.form == "parquet-files" else self.form
            command = [sys.executable, str(HERE / "generate.py"), "--flows", str(self.flows), "--format", form]
            subprocess.run([*command, "--shape", self.shape, "--out", str(path)], check=True)
        return path
