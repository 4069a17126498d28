"""The least valid thing of each kind: `a_user()`, `a_project(organization)`. An app's factories are a file here."""
