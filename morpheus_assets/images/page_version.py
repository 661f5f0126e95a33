"""The version of all that decides what the regions of a page are; a page that was cut by another is cut again."""

# The first number is page_cutting.CUTTER_VERSION, the second shaping.SHAPING; a test compares them. They stand here so
# that definitions load without numpy.
CUT_VERSION = "5.2"
