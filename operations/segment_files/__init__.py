"""Segments and what they are attached to as one file: written, planned against what there is, and
applied exactly as planned (S17).

    format = 1

    [[segment]]
    name = "Sellers"
    state = "ACTIVE"
    rule = 'department eq "Sales"'
    courses = [{title = "Selling in Sweden", id = 12, mode = "SYNC"}]

The file is TOML: rules stand in it as they are typed, in single quotes; the standard library reads
it; and it has neither YAML's implicit types (country NO is false there) nor its aliases.
"""
