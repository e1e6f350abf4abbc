// Stop rules by name: the early stopping of other programs with the names of their options, and
// plain criteria. Each is a table, no code.
#ifndef BELAY_TRAIN_PRESET_H
#define BELAY_TRAIN_PRESET_H

#include <stddef.h>

#include "base/log.h"
#include "train/stop_rule.h"

struct belay_preset_choice {
    const char *text;
    int value;
};
struct belay_preset_option {
    const char *name;
    size_t offset;                            // in struct belay_rule
    const struct belay_preset_choice *choices; // ends with NULL; NULL: a number
};
// What is left of a rule's state when training goes on in a new process.
enum belay_preset_resume { BELAY_RESUME_KEEPS, BELAY_RESUME_FORGETS };
struct belay_preset {
    const char *name, *help;
    enum belay_preset_resume resume;
    struct belay_rule rule;
    const struct belay_preset_option *options; // ends with a NULL name
};
// All of them; ends with a NULL name.
extern const struct belay_preset belay_presets[];
const struct belay_preset *belay_preset_find(const char *name); // or NULL
// One option as text. "null" leaves it as it is.
belay_status belay_preset_set(struct belay_log *log, const struct belay_preset *preset,
                              struct belay_rule *rule, const char *name, const char *text);
// "NAME[:OPTION=VALUE,...]"; a value alone is that of the preset's first option. The rule is
// checked.
belay_status belay_preset_parse(struct belay_log *log, const char *text,
                                const struct belay_preset **preset, struct belay_rule *rule);
// Are its numbers such that the rule can run?
belay_status belay_preset_check(struct belay_log *log, const struct belay_preset *preset,
                                struct belay_rule *rule);

#endif
