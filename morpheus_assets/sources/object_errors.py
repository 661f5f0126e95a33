"""Errors of objects behind an address, as one sentence that names the variable; never with a secret in it.

Messages of the libraries are not passed on: they may hold signed addresses.
"""

from morpheus_assets.sources.base import ContentUnreadable

EXTRAS = {"s3": ("s3fs", "s3"), "gs": ("gcsfs", "gcs"), "az": ("adlfs", "azure")}
_CREDENTIALS = {
    "s3": "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or AWS_PROFILE",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS",
    "az": "AZURE_STORAGE_CONNECTION_STRING, or AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
}
_ENDPOINTS = {
    "s3": "AWS_ENDPOINT_URL_S3 and AWS_REGION",
    "gs": "STORAGE_EMULATOR_HOST",
    "az": "AZURE_STORAGE_CONNECTION_STRING",
}
_REFUSED = {"InvalidToken", "ClientAuthenticationError", "AuthorizationFailure", "AuthenticationFailed", "401", "403"}
# One object is closed (to this account, or in an archive) while the store itself answers.
_OF_ONE_OBJECT = {"AccessDenied", "AllAccessDisabled", "InvalidObjectState", "403", "BlobArchived"}


def scheme_of(url: str) -> str:
    """`s3`, `gs` or `az`."""
    return url.partition("://")[0]


def missing_package(url: str) -> ContentUnreadable:
    """The error of an address whose library is not installed; names the extra."""
    package, extra = EXTRAS[scheme_of(url)]
    return ContentUnreadable(
        f"MORPHEUS_CONTENT is {url}, which needs the package {package}: install the project with its extra,"
        f" `pip install -e '.[{extra}]'` in its folder."
    )


def unreadable(url: str, error: BaseException) -> ContentUnreadable:
    """The error of a source that does not answer as a whole, for whatever reason a library gave."""
    scheme, code = scheme_of(url), code_of(error)
    until = "until then nothing is taken or marked as gone"
    if isinstance(error, ImportError):
        return missing_package(url)
    if isinstance(error, FileNotFoundError):
        return ContentUnreadable(
            f"There is no {url} ({code}): check MORPHEUS_CONTENT and the region of the bucket; {until}."
        )
    if "Credential" in code or (scheme == "az" and isinstance(error, ValueError)):
        return ContentUnreadable(f"No credentials for {url} were found: set {_CREDENTIALS[scheme]}; {until}.")
    if isinstance(error, PermissionError) or code in _REFUSED:
        return ContentUnreadable(f"{url} refused the credentials ({code}): check {_CREDENTIALS[scheme]}; {until}.")
    return ContentUnreadable(
        f"{url} does not answer ({code}): check the network, MORPHEUS_CONTENT and {_ENDPOINTS[scheme]}; {until}."
    )


def is_closed(error: BaseException) -> bool:
    """True for an error of one object that may not be read, not of the credentials as such."""
    return isinstance(error, PermissionError) and code_of(error) in _OF_ONE_OBJECT


def code_of(error: BaseException) -> str:
    """The store's own word for the error (`NoSuchBucket`), or the class of the error."""
    for each in (error, error.__cause__, error.__context__):
        answer = getattr(each, "response", None)
        if isinstance(answer, dict) and answer.get("Error", {}).get("Code"):
            return str(answer["Error"]["Code"])
        for name in ("error_code", "code", "status_code"):
            if isinstance(value := getattr(each, name, None), int | str) and value:
                return str(getattr(value, "value", value))
    return type(error).__name__
