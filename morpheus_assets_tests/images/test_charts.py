import io

from PIL import Image

from morpheus_assets.images.charts import heat_map, length_strip, plane
from morpheus_assets.images.previews import MAX_PREVIEW_BYTES, as_markdown


def opened(picture: bytes) -> Image.Image:
    return Image.open(io.BytesIO(picture)).convert("RGB")


def test_a_chapter_is_as_wide_in_the_strip_as_it_is_long_and_a_long_one_is_red():
    strip = opened(length_strip([("1", 100), ("2", 100), ("3", 300), ("4", 100)]))
    row = [strip.getpixel((x, 30)) for x in range(strip.width)]
    red = sum(pixel[0] > 150 and pixel[2] < 120 for pixel in row)
    blue = sum(pixel[2] > 150 and pixel[0] < 120 for pixel in row)
    assert abs(red / (red + blue) - 0.5) < 0.02


def test_passages_of_a_chapter_share_a_colour_on_the_plane():
    points = [(0.0, 0.0), (0.1, 0.1), (5.0, 5.0), (5.1, 5.0)]
    picture = opened(plane(points, [1, 1, 2, 2]))
    lower_left, upper_right = picture.getpixel((8, picture.height - 9)), picture.getpixel((picture.width - 9, 10))
    assert lower_left != upper_right
    assert {lower_left, upper_right} & {(255, 255, 255)} == set()


def test_the_pictures_of_a_very_large_novel_fit_in_the_event_log():
    strip = length_strip([(str(number), 1000 + 7 * number % 300) for number in range(2000)])
    dots = plane([(number * 37 % 101, number * 53 % 97) for number in range(2000)], [n // 7 for n in range(2000)])
    assert max(len(strip), len(dots)) < MAX_PREVIEW_BYTES
    assert as_markdown(strip, "x").startswith("![x](data:image/png;base64,")


def test_nothing_gives_no_picture():
    assert length_strip([]) == plane([], []) == b""
    assert plane([(1.0, 1.0)], [3])


def test_a_heat_map_has_a_dark_field_where_a_number_is_largest_and_a_frame_where_it_is_marked():
    columns = [[0.0, 1.0, 0.2], [5.0, 4.0, 3.0]]
    picture = Image.open(io.BytesIO(heat_map(columns, [1, 2], ["1", "2", "3"]))).convert("RGB")
    wide, tall, left = 26, 26, 34
    fields = [[picture.getpixel((left + x * wide + 13, y * tall + 13)) for y in range(3)] for x in range(2)]
    assert max(range(3), key=lambda y: -sum(fields[0][y])) == 1
    assert max(range(3), key=lambda y: -sum(fields[1][y])) == 0, "each column by itself"
    red, _, blue = picture.getpixel((left + wide + 13, 2 * tall + 1))
    assert red > blue
    assert heat_map([], [], []) == b""
    numbers = [[(37 * panel + 53 * chapter) % 101 / 101 for chapter in range(365)] for panel in range(1000)]
    many = heat_map(numbers, [panel * 365 // 1000 for panel in range(1000)], [str(n) for n in range(365)])
    assert 10_000 < len(many) < MAX_PREVIEW_BYTES
