"""What a change of a segment would do, before it is done (S9). It writes nothing.

    change        which change is meant
    people        who is in the segment before and after, by the engine's own evaluator and plan
    consequences  what that means course by course
    previewing    the whole answer
    basis         the name of a preview, and whether it still stands where the change is made

Coordinators change where the people of a segment do, so everything follows from one difference of
one segment. Other segments are taken as they are: what the engine still has to do about them is
said (`is_settled`), and outdates the preview once it is done.
"""
