/* What programs of the tests do as the owner of the tables. */
#ifndef OWNER_H
#define OWNER_H

/* Run a statement, or with NULL migrate. What goes wrong is printed and ends the program. */
void owner_execute(const char *uri, const char *text);

#endif
