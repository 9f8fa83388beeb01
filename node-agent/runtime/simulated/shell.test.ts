import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Course } from './course.ts';
import { courseOf } from './shell.ts';
import { NotUnderstood } from './shell-syntax.ts';

const files: Readonly<Record<string, string>> = { '/data/there': 'one\ntwo\n', '/data/empty': '' };
const variables: Readonly<Record<string, string>> = { INDEX: '3', WORDS: 'a  b', HOSTNAME: 'web-0' };
const run = (argv: readonly string[]): Course | undefined =>
  courseOf(argv, {
    variable(name) {
      if (name === 'SECRET') throw new NotUnderstood(name);
      return variables[name] ?? '';
    },
    read: (path) => files[path],
    random: () => 0.5,
  });
const sh = (script: string): Course | undefined => run(['/bin/sh', '-c', script]);
/** `code after ms: lines`, all of it as far as it goes. */
function told(course: Course | undefined): string {
  if (!course) return 'not understood';
  const end = course.exitAfterMs === undefined ? 'for ever' : `${course.exitCode} after ${course.exitAfterMs}`;
  return [end, course.lines.map(({ text }) => text).join('|')].filter(Boolean).join(': ');
}

describe('a shell script', () => {
  it.each([
    ['exit 3', '3 after 0'],
    ['sleep 2; exit', '0 after 2000'],
    ['sleep 1.5 && false', '1 after 1500'],
    ['sleep 1m 1s', '0 after 61000'],
    ['sleep infinity', 'for ever'],
    ['tail -f /dev/null', 'for ever'],
    ['echo one; echo "two  $INDEX" \'$INDEX\'', '0 after 0: one|two  3 $INDEX'],
    ['echo $WORDS "$WORDS" ${NOTHING:-else}${INDEX}', '0 after 0: a b a  b else3'],
    ['echo "a\\"b" a\\ b # no more', '0 after 0: a"b a b'],
    ['false || echo no; true && echo yes', '0 after 0: no|yes'],
    ['false && echo never; echo $?', '0 after 0: 1'],
    ['! true || echo turned', '0 after 0: turned'],
    ['exit $(( $RANDOM / 16384 ))', '1 after 0'],
    ['echo $((1 + 2 * 3 - (4 - 1) % 2)) $((INDEX << 1))', 'not understood'],
    ['echo $((1 + 2 * 3 - (4 - 1) % 2)) $((INDEX >= 3 && 1 != 1))', '0 after 0: 6 0'],
    ['if [ $(expr ${INDEX} % 2) -ne 0 ]; then\n exit 1\nelse\n exit 0\nfi', '1 after 0'],
    ['if false; then :; elif [ "$INDEX" = 3 ]; then exit 7; fi', '7 after 0'],
    ['[[ -r /data/there ]] && [ ! -f /data/none ] && test -s /data/there && ! test -s /data/empty && echo all', '0 after 0: all'], // prettier-ignore
    ['cat /data/there; cat /data/none', '1 after 0: one|two'],
    ['touch /tmp/a; cat /tmp/a && rm -f /tmp/a /tmp/b; cat /tmp/a', '1 after 0'],
    ['echo hello > /tmp/a; echo again >> /tmp/a; cat /tmp/a', '0 after 0: hello|again'],
    ['echo gone > /dev/null 2>&1; echo err >&2', '0 after 0: err'],
    ['i=0; while [ $i -lt 3 ]; do echo $i; i=$((i + 1)); sleep 1; done; exit $i', '3 after 3000: 0|1|2'],
    ['until true; do sleep 1; done', '0 after 0'],
    ['for w in a $WORDS; do echo $w; done', '0 after 0: a|a|b'],
    ['export A=1 B=2; C=$A$B; echo $C; f() { echo in; }; f', '0 after 0: 12|in'],
    ['set -e; if false; then :; fi; false || true; false; echo never', '1 after 0'],
    ['echo -n a; echo -n b > /tmp/x; cat /tmp/x; echo c', '0 after 0: abc'],
    ['echo -n DONE; false', '1 after 0: DONE'],
    ['a=$(b=1; echo in; exit 3); echo $? $a $b', '0 after 0: 3 in'],
    ['hostname; exec sleep 5', '0 after 5000: web-0'],
    ['while true; do :; done', 'for ever'],
    ['i=0; while true; do i=$((i + 1)); done', 'for ever'],
    // What goes beyond it, and so is not told at all.
    ['echo a | grep a', 'not understood'],
    ['echo a; nginx', 'not understood'],
    ['sleep 5 & wait', 'not understood'],
    ['echo *.txt', 'not understood'],
    ['echo $SECRET', 'not understood'],
    ['echo $((1 / 0))', 'not understood'],
    ['echo "open', 'not understood'],
    ['if true; then', 'not understood'],
    ['cat <<EOF\nEOF', 'not understood'],
    ['until [ -f /data/none ]; do sleep 1; done', 'not understood'],
    ['cat relative', 'not understood'],
    ['', '0 after 0'],
  ])('%s', (script, expected) => expect(told(sh(script))).toBe(expected));

  it.each([
    [['/bin/false'], '1 after 0'],
    [['/usr/bin/sleep', '300'], '0 after 300000'],
    [['echo', 'a  b', '$INDEX'], '0 after 0: a  b $INDEX'],
    [['/bin/bash', '-ec', 'false; echo never'], '1 after 0'],
    [['sh', '-c', 'true', 'name'], '0 after 0'],
    [['sh'], 'not understood'],
    [['/pause'], 'for ever'],
    [['nginx', '-g', 'daemon off;'], 'not understood'],
  ])('%j', (argv, expected) => expect(told(run(argv))).toBe(expected));

  it('says what it prints again and again', () => {
    expect(sh('echo on; while true; do echo tick; sleep 2; done')).toMatchObject({
      lines: [{ atMs: 0, text: 'on' }, { atMs: 0, text: 'tick' }],
      loop: { from: 1, everyMs: 2_000 },
    }); // prettier-ignore
  });
  it('writes files at their time', () => {
    expect(sh('touch /tmp/healthy; sleep 30; rm -f /tmp/healthy; sleep 600')).toMatchObject({
      exitAfterMs: 630_000,
      writes: [{ atMs: 0, path: '/tmp/healthy', text: '' }, { atMs: 30_000, path: '/tmp/healthy', text: undefined }],
    }); // prettier-ignore
  });
  it.each([
    ['_term() { sleep 5; exit 143; }; trap _term SIGTERM; while true; do sleep 1; done', { exitAfterMs: 5_000, exitCode: 143 }], // prettier-ignore
    ["trap 'exit 0' INT TERM; sleep infinity", { exitAfterMs: 0, exitCode: 0 }],
    ["trap '' TERM; sleep infinity", { exitAfterMs: undefined, exitCode: 0 }],
    ['sleep infinity', undefined],
  ])('told to end: %s', (script, expected) => expect(sh(script)?.onTerm?.()).toEqual(expected));

  it('is read to an end, whatever it says', () => {
    const words = ['if', 'then', 'fi', 'while', 'do', 'done', '{', '}', '(', ')', ';', '\n', '&&', '|', '"', "'", '$', '$(', '$((', '))', '[', ']', '>', '#', '\\', 'true', 'sleep 1', 'echo', '$INDEX', '=', 'a()', 'exit 1', '!']; // prettier-ignore
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...words), { maxLength: 20 }), fc.constantFrom('', ' '), (some, between) => {
        const course = sh(some.join(between));
        expect(course?.exitAfterMs ?? 0).toBeGreaterThanOrEqual(0);
      }),
      { numRuns: 2_000 },
    );
  });
});
