/*
 * What the sanitizers are told, compiled into the nginx of
 * scripts/build-asan-nginx: a new binary that nginx starts at an upgrade has
 * only the environment that the configuration names, so ASAN_OPTIONS would be
 * lost.  They are still heard where they are set.
 */

const char *__asan_default_options(void);
const char *__ubsan_default_options(void);
const char *__lsan_default_options(void);
const char *__lsan_default_suppressions(void);


/*
 * detect_odr_violation=0: every dynamic module of nginx brings its own
 * ngx_module_names and ngx_module_order, by design.
 */

const char *
__asan_default_options(void)
{
    return "detect_leaks=1:detect_odr_violation=0"
           ":detect_stack_use_after_return=1:strict_string_checks=1";
}


/* a finding does not end the process: all of them are to be seen */

const char *
__ubsan_default_options(void)
{
    return "print_stacktrace=1";
}


const char *
__lsan_default_options(void)
{
    return "print_suppressions=0";
}


/*
 * What nginx itself never frees:
 *   ngx_regex_malloc        the PCRE2 context of a process's first regex
 *   ngx_event_process_init  connections and events of a worker, which hang on
 *                           the cycle that is freed before the process ends
 */

const char *
__lsan_default_suppressions(void)
{
    return "leak:ngx_regex_malloc\n"
           "leak:ngx_event_process_init\n";
}
