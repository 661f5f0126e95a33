"""Tests, in the folders of the package. None of them sees the `.env` in the project's folder."""

import os

os.environ["MORPHEUS_DOTENV"] = os.devnull
