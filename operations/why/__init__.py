"""Why somebody is, was, or was not coordinator of a course (S10).

The present is the past with nothing undone: rows are read as they are, and what the journal says
happened after the place asked about is taken back. Everything is ordered by the journal's numbers,
so what was committed, and in which order, decides, not what two clocks said.

    places     which place in the journal a moment means
    entries    the entries about a person, a course and its segments
    history    roles by hand, overrides, accounts, attachments and intervals, at any place
    known      what was known of the person: attributes, groups, the day; and what cannot be
    rules      segments, their versions and the attribute schema, at any place
    causes     which change led to something, and what of it may be told
    wording    sentences
    timeline   every change of standing
"""
