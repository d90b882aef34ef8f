"""What a change of a segment would do, before it is done (S9). It writes nothing.

    change        which change is meant
    people        who is in the segment before and after, by the engine's own evaluator and plan
    above         who is above whom, where a rule that is not saved asks for it
    outer         who is in the segments that build on it
    waiting       whose removal would wait, by the engine's own counting
    courses       the courses concerned, and what else there is on them
    consequences  what all that means course by course
    previewing    the whole answer
    basis         the name of a preview, and whether it still stands where the change is made

Coordinators change where the people of a segment do, or where its attachments do; so everything
follows from one difference of one segment, and of those that build on it. Other segments are taken
as they are: what the engine still has to do about them is
said (`is_settled`), and outdates the preview once it is done.
"""
