"""The API's manners, the same for every app: who may, errors, ids, pages."""
