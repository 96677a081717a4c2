"""What the runbooks of Orthanc and GNU Health say, for `drp.domain.runbook_words`. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from drp.domain.phrase import Phrase, fact
from drp.domain.worded import worded

PLAIN: Mapping[str, Phrase] = {
    str(one): one
    for one in (
        fact("script-acts-and-answers", "is a script that acts and answers"),
        fact("code-orthanc-loads", "is code that Orthanc loads"),
        fact("answers-for-orthanc", "answers for Orthanc with files of the backup"),
        fact("code-a-plugin-loads", "is code that a plugin loads"),
        fact("rebuilds-what-is-stored", "rebuilds what is stored"),
        fact("deletes-waiting-files", "deletes files that wait for it"),
        fact("takes-images-from-folders", "takes images from folders, and forgets those that are gone"),
        fact("prepares-for-viewer", "prepares studies for its viewer"),
        fact("acts-on-what-is-stored", "acts on what is stored, or sends it"),
        fact("plugin-folder-not-here", "a folder that is not here: which plugins it has is not known"),
        fact("plugin-not-here", "is not here: install it where drills run, or declare an image that has it"),
        fact("jobs-not-asked-for", "could not be asked for; none of them is resumed"),
        fact("acts-not-asked-for", "could not be asked for; nothing of it is run"),
        fact("runs-by-schedule", "runs by its schedule"),
        fact("waits-for-a-worker", "waits for a worker"),
        fact("tells-subscribers", "tells subscribers what changes"),
        fact("code-around-application", "is code around the application, as its configuration says"),
        fact("module-in-backup-alone", "lies in the backup alone, and is not loaded"),
        fact("module-another-in-backup", "is another one in the backup than in the software, which is loaded"),
        fact("are-others", "are others"),
    )
}
WITH_DATA: Mapping[str, str] = dict(
    (
        worded("patients-deleted-at", "production has {value}, at which patients are deleted; the drill 0"),
        worded("plugin-unknown-name", "unknown, so it may act by itself: name {name} in `plugins`"),
        worded("plugin-unknown-load", "unknown, so it may act by itself: name it in `plugins` to load it"),
        worded("plugin-of-software-loaded", "is code of the backup, and not loaded: that of the software is"),
        worded("plugin-of-backup-name", "is code of the backup, and not loaded: name {name} in `plugins`"),
        worded("job-state-to", "{state}, to {place}"),
        worded("module-of", "module {name}"),
        worded("job-of", "job {name}"),
        worded("mail-goes-to", "goes to {place}"),
    )
)
"""Messages with data in them → their codes."""
