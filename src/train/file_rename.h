// OLD=NEW: names that fit OLD, where '*' stands for any run of characters, become NEW, whose stars
// are what OLD's stood for, in order.
#ifndef BELAY_TRAIN_FILE_RENAME_H
#define BELAY_TRAIN_FILE_RENAME_H

#include "base/str.h"

belay_status belay_rename_check(struct belay_log *log, const char *rule);
// False: the (checked) rule does not fit.
bool belay_rename_apply(const char *rule, const char *name, struct belay_str *out);

#endif
