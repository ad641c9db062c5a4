/* What somebody who logs in is told: steps, errors, in words for people. */

#include "flow_say.h"


/* codes of the token endpoint (meta-graph-oauth-ads-capi.md 1.10); the subcode
   is one that public reports show */
#define CODE_UNKNOWN     1
#define CODE_PARAMETER   100
#define CODE_CLIENT      101
#define CODE_TOKEN       190
#define SUBCODE_USED     36009


static const struct {
    const char  *name;
    const char  *text;
} steps[] = {
    [FLOW_STEP_EXCHANGING] = { "exchanging", "Meta is asked for access." },
    [FLOW_STEP_CHECKING] = { "checking", "What Meta has granted is checked." },
    [FLOW_STEP_ACCOUNTS] = { "accounts", "Your accounts are looked up." },
    [FLOW_STEP_SUBSCRIBING] = { "subscribing", "What is written to your"
        " accounts is subscribed to." },
    [FLOW_STEP_REGISTERING] = { "registering", "Your phone number is"
        " registered." },
    [FLOW_STEP_PIN] = { "pin", "This number is protected by a PIN of six digits"
        " that was set earlier. Please enter it; it can be changed in"
        " WhatsApp Manager. There is one try here: with a wrong PIN you"
        " have to begin again." },
    [FLOW_STEP_CONNECTED] = { "connected", "You can close this page." },
    [FLOW_STEP_FAILED] = { "failed", "" }
}, errors[FLOW_ERRORS] = {
    [FLOW_GOOD] = { "", "" },
    [FLOW_LATE] = { "late", "This took too long, and what Meta had handed"
        " out has expired. Please log in again." },
    [FLOW_CODE] = { "code", "Meta did not accept this login: it was used"
        " already, or has expired. Please log in again." },
    [FLOW_REDIRECT_URI] = { "redirect_uri", "The address of this site is not"
        " the one that is registered with Meta. Whoever runs this site has"
        " to correct that." },
    [FLOW_APP_SECRET] = { "app_secret", "This site could not prove to Meta"
        " that it is the app you logged in to. Whoever runs it has to check"
        " the app's id and secret." },
    [FLOW_SCOPES] = { "scopes", "A permission that is needed was not given."
        " Please log in again and leave all permissions ticked." },
    [FLOW_WRONG_APP] = { "wrong_app", "Meta's answer is for another app than"
        " this one. Please log in again." },
    [FLOW_NO_ACCOUNTS] = { "no_accounts", "You are logged in, but no account"
        " was shared. Please log in again and choose at least one." },
    [FLOW_TAKEN] = { "taken", "What you shared is connected here for somebody"
        " else, and stays so. Whoever runs this site can move it." },
    [FLOW_UNREACHABLE] = { "unreachable", "Meta could not be reached, or did"
        " not answer in time. Please log in again in a moment." },
    [FLOW_PIN_WRONG] = { "pin_wrong", "Meta did not accept this PIN. Please"
        " look it up or change it in WhatsApp Manager, then connect again." },
    [FLOW_STORE] = { "store", "What Meta granted could not be kept here."
        " Please log in again in a moment." },
    [FLOW_META] = { "meta", "Meta refused a step of this. Please try again;"
        " if it stays so, whoever runs this site finds the reason in its"
        " log." },
    [FLOW_INTERNAL] = { "internal", "Something went wrong here. Please log"
        " in again." }
};


static const struct {
    const char  *name;
    const char  *text;
} scopes[] = {
    { "ads_management", "manage your ads" },
    { "ads_read", "see how your ads do" },
    { "business_management", "see and manage your business account" },
    { "instagram_basic", "see your Instagram account" },
    { "instagram_business_basic", "see your Instagram account" },
    { "instagram_business_content_publish", "publish on Instagram" },
    { "instagram_business_manage_comments", "answer comments on Instagram" },
    { "instagram_business_manage_messages", "read and answer messages on"
        " Instagram" },
    { "instagram_content_publish", "publish on Instagram" },
    { "instagram_manage_comments", "answer comments on Instagram" },
    { "instagram_manage_messages", "read and answer messages on Instagram" },
    { "leads_retrieval", "read the leads of your ads" },
    { "pages_manage_ads", "manage the ads of your Pages" },
    { "pages_manage_engagement", "answer comments on your Pages" },
    { "pages_manage_metadata", "be notified of what happens on your Pages" },
    { "pages_messaging", "read and answer messages to your Pages" },
    { "pages_read_engagement", "read posts of your Pages" },
    { "pages_show_list", "see which Pages you manage" },
    { "read_insights", "see figures of your Pages" },
    { "whatsapp_business_management", "manage your WhatsApp account" },
    { "whatsapp_business_messaging", "read and answer messages on WhatsApp" }
};


static const char *scope_text(struct str name)
{
    size_t  i;

    for (i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++) {
        if (str_is(name, scopes[i].name)) {
            return scopes[i].text;
        }
    }

    return NULL;
}


/* flow_scopes_say: a comma between them, none where the list has none */
void flow_scopes_say(struct buf *b, const char *list)
{
    bool         more = false;
    struct str   name, rest = STR(list);
    const char  *text;

    while (list_next(&rest, &name)) {
        text = scope_text(name);
        buf_format(b, "%s%s%s%.*s%s", more ? ", " : "",
                   text != NULL ? text : "", text != NULL ? " (" : "",
                   (int) name.len, name.at, text != NULL ? ")" : "");
        more = true;
    }
}


/* flow_step_name is what programs see */
const char *flow_step_name(enum flow_step step)
{
    return steps[step].name;
}


/* flow_step_text is what people see */
const char *flow_step_text(enum flow_step step)
{
    return steps[step].text;
}


/* flow_error_name is what programs see */
const char *flow_error_name(enum flow_error error)
{
    return errors[error].name;
}


/* flow_error_text is what people see */
const char *flow_error_text(enum flow_error error)
{
    return errors[error].text;
}


/* flow_code_error decides by the code; Meta's words only tell apart what has
   one code, and where they change it is still a faulty login */
enum flow_error flow_code_error(long long code, long long subcode,
    const char *message)
{
    if (code == CODE_CLIENT || strstr(message, "client secret") != NULL
        || strstr(message, "client_secret") != NULL
        || strstr(message, "platform app") != NULL)
    {
        return FLOW_APP_SECRET;
    }

    if (subcode != SUBCODE_USED && strstr(message, "redirect_uri") != NULL) {
        return FLOW_REDIRECT_URI;
    }

    /* 400: what api.instagram.com calls a faulty code (1.7) */
    return code == CODE_PARAMETER || code == CODE_TOKEN || code == 400
           ? FLOW_CODE : FLOW_META;
}
