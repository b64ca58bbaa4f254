"""`zoo site`: the catalogue as a static site."""

import contextlib
import sys
from pathlib import Path
from typing import Annotated

import typer

from zoo.util.errors import ZooError
from zoo_cli.arguments import at_least

Output = Annotated[
    Path, typer.Option("--output", "-o", metavar="FOLDER", help="Write to this folder: a new one, or one with an earlier site.")
]
Only = Annotated[str, typer.Option("--only", metavar="PATTERN", help="Write pages of these networks only, such as 'vgg*'.")]
Serve = Annotated[bool, typer.Option("--serve", help="Then serve the folder on localhost until interrupted.")]
Port = Annotated[
    int, typer.Option("--port", callback=at_least(0, 65535), metavar="N", help="Port of --serve; 0 chooses a free one.")
]


def site(
    folder: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Write to this folder: a new one, or one with an earlier site.")
    ] = Path("zoo-site"),
    pattern: Annotated[
        str, typer.Option("--only", metavar="PATTERN", help="Write pages of these networks only, such as 'vgg*'.")
    ] = "*",
    serve: Annotated[bool, typer.Option("--serve", help="Afterwards, serve the folder on localhost until interrupted.")] = False,
    port: Annotated[
        int, typer.Option("--port", callback=at_least(0, 65535), metavar="N", help="Port of --serve; 0 chooses a free one.")
    ] = 8000,
) -> None:
    """Write the catalogue as a static site. It has a page for each network and study, and opens from the file system."""
    from zoo.questions.site import site as write

    def told(address: str) -> None:
        if sys.stderr.isatty():
            typer.echo(f"\r\x1b[K{address}", nl=False, err=True)

    with contextlib.redirect_stdout(sys.stderr):
        written = write(folder, pattern=pattern, told=told)
    size = sum((folder / address).stat().st_size for address in written)
    clear = "\r\x1b[K" if sys.stderr.isatty() else ""
    typer.echo(f"{clear}{folder / 'index.html'}: {len(written)} pages, {size / 1e6:.1f} MB", err=True)
    if serve:
        _serve(folder, port)


def _serve(folder: Path, port: int) -> None:
    """Serve a folder on localhost until interrupted. Raises `ZooError` for a port that is taken."""
    from functools import partial
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), partial(SimpleHTTPRequestHandler, directory=str(folder)))
    except OSError as error:
        raise ZooError(f"--port {port}: {error.strerror}; choose another, or 0 for a free one") from error
    with server:
        typer.echo(f"http://127.0.0.1:{server.server_address[1]}/ (interrupt to stop)", err=True)
        server.serve_forever()
