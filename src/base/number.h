// Numbers as text, whatever the locale of the program.
#ifndef BELAY_BASE_NUMBER_H
#define BELAY_BASE_NUMBER_H

// The shortest decimal that reads back to the same double.
void belay_number_text(double value, char out[40]);

#endif
