/*
 * Who of several consumers holds which list: the plan, and a crowd of
 * consumers that act by it with what they last read, join, leave, are killed
 * and sleep, at random.
 */

#include "tap.h"

#include "../../consumer/mem.c"
#include "../../consumer/fleet_share.c"

#include <stdint.h>


#define CROWD     12
#define LISTS     64
#define QUEUES    4
#define LIFE      60            /* of an entry and of a lease; tenths of 1 s */
#define BEAT      20
#define CALM      400


static uint32_t  seed;


static unsigned
chance(unsigned n)
{
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;

    return seed % n;
}


/* one consumer, as itself and as its entry in Redis */
struct one {
    int   alive;                /* 0: has none, and writes no entry */
    int   asleep;               /* until then */
    int   leaving;
    int   next;                 /* its next beat */
    int   until;                /* its entry; 0: there is none */
    char  queues[QUEUES];
    char  said[LISTS];          /* enum share_word */
    char  claimed[LISTS];
    int   yielding[LISTS];      /* until then */
};

struct crowd {
    struct one  one[CROWD];
    size_t      nlists;
    size_t      nqueues;
    size_t      queue[LISTS];
    int         holder[LISTS];  /* of the lease */
    int         renewed[LISTS];
    int         now;
    int         moves;
};


static int
free_lease(struct crowd *c, size_t list)
{
    return c->holder[list] < 0 || c->renewed[list] + LIFE <= c->now;
}


/* what the queue does by itself: lease, renewal, giving up */
static void
work(struct crowd *c, int me)
{
    size_t       i;
    struct one  *o = &c->one[me];

    for (i = 0; i < c->nlists; i++) {
        if (o->yielding[i]) {
            if (c->now >= o->yielding[i]) {
                o->yielding[i] = 0;
                if (c->holder[i] == me) {
                    c->holder[i] = -1;
                }
            } else if (c->holder[i] == me) {
                c->renewed[i] = c->now;
            }

        } else if (o->claimed[i]) {
            if (c->holder[i] == me) {
                c->renewed[i] = c->now;
            } else if (free_lease(c, i)) {
                c->moves++;
                c->holder[i] = me;
                c->renewed[i] = c->now;
            }
        }
    }
}


static void
say(struct crowd *c, int me)
{
    size_t       i;
    struct one  *o = &c->one[me];

    for (i = 0; i < c->nlists; i++) {
        o->said[i] = c->holder[i] == me ? SHARE_HOLDS
                     : o->claimed[i] ? SHARE_CLAIMS : SHARE_NO_WORD;
    }

    o->until = c->now + LIFE;
}


static void
act(struct crowd *c, int me, const struct share_list *lists)
{
    size_t       i;
    struct one  *o = &c->one[me];

    for (i = 0; i < c->nlists; i++) {
        if (lists[i].act == SHARE_CLAIM) {
            o->claimed[i] = 1;
        }
        if (lists[i].act == SHARE_YIELD) {
            o->claimed[i] = 0;
            if (c->holder[i] == me) {
                o->yielding[i] = c->now + 1 + chance(30);
            }
        }
    }
}


static void
beat(struct crowd *c, int me)
{
    int                 i;
    size_t              j, rank[CROWD], members = 0;
    struct one         *o = &c->one[me];
    struct share_list   lists[LISTS] = {{ .owner = 0 }};

    say(c, me);

    for (i = 0; i < CROWD; i++) {
        if (c->one[i].until > c->now) {
            rank[i] = members++;
        } else {
            rank[i] = CROWD;
        }
    }

    for (j = 0; j < c->nlists; j++) {
        lists[j].queue = c->queue[j];
        lists[j].owner = SHARE_NOBODY;
        lists[j].held = c->holder[j] == me;
        lists[j].claimed = o->claimed[j];
        lists[j].yielding = o->yielding[j] != 0;
        lists[j].busy = chance(3);

        for (i = 0; i < CROWD; i++) {
            if (rank[i] == CROWD) {
                continue;
            }
            share_has(&lists[j], rank[i], c->one[i].said[j]);
            if (c->one[i].queues[c->queue[j]] && !c->one[i].leaving) {
                share_allow(&lists[j], rank[i]);
            }
        }

        if (lists[j].held) {
            share_has(&lists[j], rank[me], SHARE_MINE);
        }
    }

    share_decide(lists, c->nlists, c->nqueues, members, rank[me]);
    act(c, me, lists);
}


static void
pass(struct crowd *c, int tenths)
{
    int  i, end = c->now + tenths;

    for ( /* void */ ; c->now < end; c->now++) {
        for (i = 0; i < CROWD; i++) {
            if (!c->one[i].alive || c->one[i].asleep > c->now) {
                continue;
            }
            work(c, i);
            if (c->now >= c->one[i].next) {
                beat(c, i);
                c->one[i].next = c->now + BEAT;
            }
        }
    }
}


static void
join(struct crowd *c, int who)
{
    size_t       i;
    struct one  *o = &c->one[who];

    /* what one before it left behind runs out by itself */
    for (i = 0; i < c->nlists; i++) {
        if (c->holder[i] == who) {
            c->holder[i] = CROWD;
        }
    }

    memset(o, 0, sizeof(*o));
    memset(o->queues, 1, sizeof(o->queues));
    o->alive = 1;
    o->next = c->now + chance(BEAT);
}


static void
leave(struct crowd *c, int who)
{
    size_t  i;

    for (i = 0; i < c->nlists; i++) {
        if (c->holder[i] == who) {
            c->holder[i] = -1;
        }
    }
    memset(&c->one[who], 0, sizeof(struct one));
}


/* so that the lease and the entry run out */
static void
slay(struct crowd *c, int who)
{
    c->one[who].alive = 0;
}


static void
begin(struct crowd *c, size_t nqueues, const size_t *sizes)
{
    size_t  i, j;

    memset(c, 0, sizeof(*c));
    c->nqueues = nqueues;

    for (i = 0; i < nqueues; i++) {
        for (j = 0; j < sizes[i]; j++) {
            c->queue[c->nlists] = i;
            c->holder[c->nlists++] = -1;
        }
    }
}


static int
living(const struct crowd *c)
{
    int  i, n = 0;

    for (i = 0; i < CROWD; i++) {
        n += c->one[i].alive;
    }

    return n;
}


/* 0, or what is wrong: each list has one living holder, shares are even */
static const char *
uneven(const struct crowd *c)
{
    size_t  i, q, n;
    size_t  low, high, has, lowest = LISTS, highest = 0, all;
    int     m;

    for (i = 0; i < c->nlists; i++) {
        if (c->holder[i] < 0 || c->holder[i] == CROWD
            || !c->one[c->holder[i]].alive) {
            return "a list has no holder";
        }
        if (!c->one[c->holder[i]].queues[c->queue[i]]) {
            return "held by who does not list it";
        }
        for (m = 0, n = 0; m < CROWD; m++) {
            n += c->one[m].alive && c->one[m].claimed[i];
        }
        if (n != 1) {
            return "more than one wants it";
        }
    }

    for (q = 0; q < c->nqueues; q++) {
        low = LISTS;
        high = 0;
        for (m = 0; m < CROWD; m++) {
            if (!c->one[m].alive || !c->one[m].queues[q]) {
                continue;
            }
            for (i = 0, has = 0; i < c->nlists; i++) {
                has += c->queue[i] == q && c->holder[i] == m;
            }
            low = has < low ? has : low;
            high = has > high ? has : high;
        }
        if (high > low + 1) {
            return "a queue is not shared evenly";
        }
    }

    for (m = 0; m < CROWD; m++) {
        for (i = 0, all = 0; i < c->nlists; i++) {
            all += c->holder[i] == m;
        }
        if (c->one[m].alive) {
            lowest = all < lowest ? all : lowest;
            highest = all > highest ? all : highest;
        }
    }

    return c->nqueues == 1 && highest > lowest + 1 ? "not even in all" : NULL;
}


static int
calm(struct crowd *c, const char *name)
{
    int          moves;
    const char  *why;

    pass(c, CALM);
    why = uneven(c);
    moves = c->moves;
    pass(c, CALM);

    if (why != NULL || c->moves != moves) {
        printf("# %s: %s, %d moves in calm\n", name, why ? why : "even",
               c->moves - moves);
        return 0;
    }

    return 1;
}


static void
test_alone(void)
{
    struct crowd  c;

    begin(&c, 2, (size_t []) { 4, 1 });
    join(&c, 0);
    pass(&c, BEAT + 2);
    is_int(c.moves, 5, "one alone has all with its first beat");
    ok(calm(&c, "alone"), "and keeps it");
}


/* moves that are needed when n lists are shared by one more or one less */
static void
test_steps(void)
{
    size_t        n;
    int           i, moves, good = 1, fewest = 1;
    struct crowd  c;

    for (n = 1; n <= LISTS; n += 1 + n / 4) {
        begin(&c, 1, &n);

        for (i = 0; i < CROWD; i++) {
            moves = c.moves;
            join(&c, i);
            good &= calm(&c, "join");
            fewest &= c.moves - moves == (i ? (int) n / (i + 1) : (int) n);
        }

        for (i = 0; i < CROWD - 1; i++) {
            size_t  had = 0, j;

            for (j = 0; j < n; j++) {
                had += c.holder[j] == i;
            }
            moves = c.moves;
            if (i % 2) {
                leave(&c, i);
            } else {
                slay(&c, i);
            }
            good &= calm(&c, "leave");
            fewest &= c.moves - moves == (int) had;
        }
    }

    ok(good, "each newcomer gets its share, each one's share is taken over");
    ok(fewest, "and no list moves that need not");
}


static void
test_takeover(void)
{
    int           i, most = 0, round;
    size_t        j;
    struct crowd  c;

    for (round = 0; round < 200; round++) {
        begin(&c, 1, (size_t []) { 8 });
        for (i = 0; i < 4; i++) {
            join(&c, i);
        }
        pass(&c, CALM + chance(BEAT));
        slay(&c, 1);
        for (i = 0; i < CALM; i++) {
            pass(&c, 1);
            for (j = 0; j < 8 && c.holder[j] != 1; j++) { /* void */ }
            if (j == 8) {
                break;
            }
        }
        most = i > most ? i : most;
    }

    ok(most <= 90, "nobody is missed for more than nine seconds");
}


static void
test_some_queues(void)
{
    size_t        i;
    int           good = 1;
    struct crowd  c;

    begin(&c, 3, (size_t []) { 6, 6, 1 });
    join(&c, 0);
    join(&c, 1);
    join(&c, 2);
    c.one[0].queues[1] = 0;
    c.one[1].queues[0] = c.one[1].queues[2] = 0;
    good &= calm(&c, "parts");

    for (i = 0; i < 6; i++) {
        good &= c.holder[i] != 1 && c.holder[6 + i] != 0;
    }

    ok(good, "who does not list a queue has none of it");
    join(&c, 3);
    ok(calm(&c, "parts"), "and others share it");
}


static void
test_single_lists(void)
{
    int           i;
    size_t        j;
    int           has[4] = { 0 };
    struct crowd  c;

    begin(&c, 4, (size_t []) { 1, 1, 1, 1 });
    join(&c, 0);
    pass(&c, CALM);
    for (i = 1; i < 4; i++) {
        join(&c, i);
        ok(calm(&c, "single"), "queues of one list are shared, too");
    }

    for (j = 0; j < 4; j++) {
        has[c.holder[j]]++;
    }
    ok(has[0] == 1 && has[1] == 1 && has[2] == 1 && has[3] == 1, "one each");
}


static void
disturb(struct crowd *c)
{
    int  who = chance(CROWD);

    if (!c->one[who].alive) {
        if (c->one[who].until <= c->now) {
            join(c, who);
        }
        return;
    }

    if (living(c) == 1) {
        return;
    }

    switch (chance(3)) {
    case 0:
        leave(c, who);
        break;
    case 1:
        slay(c, who);
        break;
    default:
        c->one[who].asleep = c->now + chance(200);
    }
}


static void
test_random(void)
{
    int           i, round, good = 1, total = 0;
    size_t        sizes[QUEUES];
    struct crowd  c;

    for (round = 0; round < 300; round++) {
        seed = 88172645 + round * 7919;
        for (i = 0; i < QUEUES; i++) {
            sizes[i] = 1 + chance(LISTS / QUEUES);
        }
        begin(&c, 1 + chance(QUEUES), sizes);
        join(&c, 0);

        for (i = 0; i < 30; i++) {
            disturb(&c);
            pass(&c, chance(60));
        }

        pass(&c, 200);          /* sleepers wake */
        good &= calm(&c, "random");
        total++;
    }

    is_int(total, 300, "300 times at random");
    ok(good, "each list ends with one holder, even, and nothing moves then");
}


static void
test_nobody(void)
{
    struct share_list  list = { .owner = SHARE_NOBODY };

    share_decide(&list, 1, 1, 2, 0);
    is_int(list.target, SHARE_NOBODY, "what nobody may hold has no target");
    is_int(list.act, SHARE_STAY, "and is not claimed");

    list.claimed = list.held = true;
    share_has(&list, 0, SHARE_MINE);
    share_decide(&list, 1, 1, 2, 0);
    is_int(list.act, SHARE_YIELD, "who has it gives it up");

    share_allow(&list, 1);
    share_decide(&list, 1, 1, 2, 0);
    is_int(list.act, SHARE_YIELD, "also to another");
    is_int(list.target, 1, "who may");
}


static void
test_idle_first(void)
{
    size_t             i;
    struct share_list  lists[4] = {{ .owner = 0 }};

    for (i = 0; i < 4; i++) {
        lists[i] = (struct share_list) { .owner = SHARE_NOBODY, .held = true,
                                         .claimed = true, .busy = 9 - i };
        share_has(&lists[i], 0, SHARE_MINE);
        share_allow(&lists[i], 0);
        share_allow(&lists[i], 1);
    }
    lists[1].busy = 0;
    lists[2].busy = 1;

    share_decide(lists, 4, 1, 2, 0);
    ok(lists[1].act == SHARE_YIELD && lists[2].act == SHARE_YIELD
       && lists[0].act == SHARE_STAY && lists[3].act == SHARE_STAY,
       "idle ones are given up first");

    lists[1].claimed = lists[2].claimed = false;
    lists[1].yielding = lists[2].yielding = true;
    share_decide(lists, 4, 1, 2, 0);
    ok(lists[0].act == SHARE_STAY && lists[3].act == SHARE_STAY,
       "and no more while they are on their way");
}


int
main(void)
{
    seed = 2463534242u;
    test_alone();
    test_steps();
    test_takeover();
    test_some_queues();
    test_single_lists();
    test_nobody();
    test_idle_first();
    test_random();

    return done();
}
