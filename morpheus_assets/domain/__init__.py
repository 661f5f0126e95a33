"""The nouns of the project as frozen values: they hold data and reach no other room."""
