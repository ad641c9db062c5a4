/* The kinds of events: name, what it is, and whether rules must name it. */

#include "kinds.h"

#include <stdio.h>
#include <string.h>


#define WORDS_MAX  512


struct kind_row {
    const char  *name;
    const char  *about;
    bool         silent;
};


static const struct kind_row  rows[KINDS] = {
    [KIND_MESSAGE] = { "message", "what a person wrote to the account now",
                       false },
    [KIND_POSTBACK] = { "postback", "a tap that carries a payload: buttons,"
                        " lists, quick replies, menus, forms", false },
    [KIND_REACTION] = { "reaction", "a person's reaction to a message, or its"
                        " removal", false },
    [KIND_EDIT] = { "edit", "a person changed a message", false },
    [KIND_UNSEND] = { "unsend", "a person took a message back", false },
    [KIND_STATUS] = { "status", "how far a message of ours got", false },
    [KIND_READ] = { "read", "a person read our messages", false },
    [KIND_DELIVERY] = { "delivery", "our messages reached a person's device",
                        false },
    [KIND_ECHO] = { "echo", "what the account itself wrote, anywhere", true },
    [KIND_COMMENT] = { "comment", "a comment on a post, a video or a live"
                       " broadcast", false },
    [KIND_FEED] = { "feed", "anything else on a Page's feed: posts, likes,"
                    " reactions, shares, edits, removals", false },
    [KIND_LEAD] = { "lead", "somebody filled in a lead form", false },
    [KIND_MENTION] = { "mention", "somebody mentioned the account", false },
    [KIND_TEMPLATE] = { "template", "a template's status, quality, category or"
                        " components changed", false },
    [KIND_ACCOUNT] = { "account", "something about the account, its numbers,"
                       " limits or settings changed", false },
    [KIND_FLOW] = { "flow", "a Flow's status, or an alert about it", false },
    [KIND_CALL] = { "call", "a voice call connects or ends", false },
    [KIND_HISTORY] = { "history", "old messages and contacts, synchronised"
                       " from the WhatsApp Business app", true },
    [KIND_HANDOVER] = { "handover", "a conversation went to another app or"
                        " agent, or one asks for it", false },
    [KIND_OPTIN] = { "optin", "a person allows messages or calls, or refuses",
                     false },
    [KIND_PREFERENCE] = { "preference", "a person wants no marketing messages,"
                          " or wants them again", false },
    [KIND_REFERRAL] = { "referral", "a person came by a link or an"
                        " advertisement, or opened the chat", false },
    [KIND_LINKING] = { "linking", "a person linked an account, or unlinked it",
                       false },
    [KIND_GROUP] = { "group", "a group, its participants or its settings"
                     " changed", false },
    [KIND_POLICY] = { "policy", "Meta warns, blocks or unblocks the Page",
                      false },
    [KIND_FEEDBACK] = { "feedback", "a person rated an answer or filled in a"
                        " feedback form", false },
    [KIND_RATING] = { "rating", "a recommendation of the Page, or a comment or"
                      " like on one", false },
    [KIND_CONVERSION] = { "conversion", "Meta saw a lead or a purchase in a"
                          " chat that an advertisement began", false },
    [KIND_INSIGHT] = { "insight", "figures of a story that ended", false },
    [KIND_ERROR] = { "error", "an error of Meta's that belongs to no message",
                     false },
    [KIND_STANDBY] = { "standby", "a copy of what goes on in a conversation"
                       " that another app or agent owns", true },
    [KIND_SYSTEM] = { "system", "Meta says something about a person, such as"
                      " a new number", true },
    [KIND_UNSUPPORTED] = { "unsupported", "a message of a type that Meta does"
                           " not hand on", true },
    [KIND_TEST] = { "test", "a test button of Meta's dashboard", true },
    [KIND_UNKNOWN] = { "unknown", "genuine, but nothing that this version"
                       " knows", false }
};


/* kind_name returns the name that rules and logs use */
const char *kind_name(enum kind kind)
{
    return rows[kind].name;
}


/* kind_about says what it is */
const char *kind_about(enum kind kind)
{
    return rows[kind].about;
}


/* kind_silent says whether rules must name it */
bool kind_silent(enum kind kind)
{
    return rows[kind].silent;
}


/* kind_opens: a message, a tap and whatever else somebody did opens the window:
   where that is more than Meta grants, Meta says so, and that is known then */
bool kind_opens(enum kind kind)
{
    switch (kind) {

    case KIND_MESSAGE:
    case KIND_POSTBACK:
    case KIND_REACTION:
    case KIND_EDIT:
    case KIND_CALL:
    case KIND_OPTIN:
    case KIND_REFERRAL:
    case KIND_UNSUPPORTED:
        return true;

    default:
        return false;
    }
}


/* kind_find returns the kind of that name */
int kind_find(const char *name)
{
    int  kind;

    for (kind = 0; kind < KINDS; kind++) {
        if (strcmp(rows[kind].name, name) == 0) {
            return kind;
        }
    }

    return -1;
}


/* kind_words lists them all, in the order of the enum, unknown as the last */
const char *kind_words(void)
{
    int          kind;
    size_t       n = 0;
    static char  words[WORDS_MAX];

    for (kind = 1; kind < KINDS && n < sizeof(words); kind++) {
        n += (size_t) snprintf(words + n, sizeof(words) - n, "%s, ",
                               rows[kind].name);
    }

    if (n > 2 && n < sizeof(words)) {
        snprintf(words + n - 2, sizeof(words) - n + 2, " or %s",
                 rows[KIND_UNKNOWN].name);
    }

    return words;
}
