/* Groups and members of texts. */
#include "contract/ledger_groups.h"
#include "contract/ledger_script.h"
#include <stdio.h>
#include <string.h>

enum { PAIRS_MAX = 32 };

farm_status ledger_groups_open(farm_session *session, const char *text) {
    farm_ledger_group items[PAIRS_MAX];
    size_t count = 0;
    char words[400];
    char *rest = NULL;
    snprintf(words, sizeof words, "%s", text);
    for (char *word = strtok_r(words, " ", &rest); word != NULL;
         word = strtok_r(NULL, " ", &rest)) {
        farm_ledger_group *item = &items[count++];
        char *book = strchr(word, '@');
        char *parent = strchr(word, '<');
        *item = (farm_ledger_group){.struct_size = sizeof *item, .book = 1};
        if (book != NULL) item->book = book[1] - '0';
        if (book != NULL) *book = '\0';
        if (parent != NULL) item->parent_id = ledger_script_id(parent + 1);
        if (parent != NULL) *parent = '\0';
        item->id = ledger_script_id(word);
    }
    return farm_ledger_open_groups(session, items, count);
}

farm_status ledger_groups_change(farm_session *session, ledger_members_function function,
                                 const char *text) {
    farm_ledger_member items[PAIRS_MAX];
    size_t count = 0;
    char words[400];
    char *rest = NULL;
    snprintf(words, sizeof words, "%s", text);
    for (char *word = strtok_r(words, " ", &rest); word != NULL;
         word = strtok_r(NULL, " ", &rest)) {
        char *group = strchr(word, '>');
        *group = '\0';
        items[count++] = (farm_ledger_member){.struct_size = sizeof *items,
                                              .group_id = ledger_script_id(group + 1),
                                              .account_id = ledger_script_id(word)};
    }
    return function(session, items, count);
}
