"""Thai."""

from morpheus_assets.text.languages import Language

LANGUAGE = Language(code="th", letters="านรอกเงมยวลดทสตะปบคหแจพชขใไโผถซศณธฟฐษภญ่้ีัิ์็ุูืึำๆ", encodings=("cp874",))
