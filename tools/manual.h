// Pages of `belay manual` that have a file of their own.
#ifndef BELAY_TOOLS_MANUAL_H
#define BELAY_TOOLS_MANUAL_H

int manual_reference(void); // Markdown; returns the exit code

#endif
