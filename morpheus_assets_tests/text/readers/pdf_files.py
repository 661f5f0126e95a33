"""Makes small PDF files in memory: lines of Helvetica at given places, with bookmarks."""


def pdf(
    pages: list[list[tuple[float, float, str]]],
    *,
    bookmarks: dict[str, int] | None = None,
    title: str = "",
    turns: int = 0,
) -> bytes:
    """Each page is a list of (x, y, line); `bookmarks` are titles → page numbers from 0.

    `turns` are the quarters, against the clock, by which all is drawn on a page that is turned back.
    """
    matrix = ("1 0 0 1", "0 1 -1 0", "-1 0 0 -1", "0 -1 1 0")[turns]
    objects: dict[int, bytes] = {}
    first_page = 10
    kids = " ".join(f"{first_page + 2 * i} 0 R" for i in range(len(pages)))
    objects[2] = f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode()
    objects[3] = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
    objects[4] = f"<< /Title ({title}) /Author (A. Writer) >>".encode()
    for i, lines in enumerate(pages):
        drawn = b"BT /F1 12 Tf\n"
        for x, y, line in lines:
            safe = line.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)").encode("cp1252")
            x, y = ((x, y), (612 - y, x), (612 - x, 792 - y), (y, 792 - x))[turns]
            drawn += b"%s %.1f %.1f Tm (%s) Tj\n" % (matrix.encode(), x, y, safe)
        drawn += b"ET"
        objects[first_page + 2 * i] = (
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Rotate {90 * turns} "
            f"/Contents {first_page + 2 * i + 1} 0 R /Resources << /Font << /F1 3 0 R >> >> >>"
        ).encode()
        objects[first_page + 2 * i + 1] = b"<< /Length %d >>\nstream\n%s\nendstream" % (len(drawn), drawn)
    outlines = ""
    if bookmarks:
        start = first_page + 2 * len(pages)
        outlines = f"/Outlines {start} 0 R"
        ids = list(range(start + 1, start + 1 + len(bookmarks)))
        objects[start] = f"<< /First {ids[0]} 0 R /Last {ids[-1]} 0 R /Count {len(ids)} >>".encode()
        for at, (name, number) in enumerate(bookmarks.items()):
            beside = f"/Next {ids[at] + 1} 0 R " if at + 1 < len(ids) else ""
            beside += f"/Prev {ids[at] - 1} 0 R " if at else ""
            objects[ids[at]] = (
                f"<< /Title ({name}) /Parent {start} 0 R {beside}/Dest [{first_page + 2 * number} 0 R /Fit] >>".encode()
            )
    objects[1] = f"<< /Type /Catalog /Pages 2 0 R {outlines} >>".encode()
    out, places = b"%PDF-1.4\n", {}
    for number, body in sorted(objects.items()):
        places[number] = len(out)
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = len(out)
    most = max(objects) + 1
    out += b"xref\n0 %d\n0000000000 65535 f \n" % most
    for number in range(1, most):
        out += b"%010d 00000 n \n" % places[number] if number in places else b"0000000000 00000 f \n"
    return out + b"trailer << /Size %d /Root 1 0 R /Info 4 0 R >>\nstartxref\n%d\n%%%%EOF" % (most, table)
