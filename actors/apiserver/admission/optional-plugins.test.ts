import { describe, expect, it } from 'vitest';
import { pod, setUp, typed } from '../testing/admission-chain.ts';
import { attributesOf } from '../testing/fake-cluster.ts';
import { checkPlugins } from './index.ts';

/** Answers as the real server gave them, with these plugins enabled there. */
const annotated = (enabled: string[], annotations: Readonly<Record<string, string>>) => {
  const made = setUp({ enabled });
  made.c.put({
    kind: 'Namespace',
    apiVersion: 'v1',
    metadata: { name: 'd', annotations },
    status: { phase: 'Active' },
  });
  return made;
};
const PREFIX = 'scheduler.alpha.kubernetes.io/';

describe('PodNodeSelector', () => {
  const cases: [string, string, object, string | object][] = [
    ['gives', 'a=b, c = d', {}, { a: 'b', c: 'd' }],
    ['merges', 'a=b', { nodeSelector: { a: 'b', x: 'y' } }, { a: 'b', x: 'y' }],
    [
      'refuses others',
      'a=b',
      { nodeSelector: { a: 'z' } },
      'pods "p" is forbidden: pod node label selector conflicts with its namespace node label selector',
    ],
    ['refuses nonsense', 'a in (b)', {}, 'invalid selector: [a in (b)]'],
  ];
  it.each(cases)('%s', async (_, selector, spec, expected) => {
    const { c, admit } = annotated(['PodNodeSelector'], { [`${PREFIX}node-selector`]: selector });
    const p = pod(spec);
    const refusal = await admit(attributesOf(c, 'CREATE', p));
    expect(refusal ?? typed(p).spec!.nodeSelector).toEqual(expected);
  });
});

describe('PodTolerationRestriction', () => {
  const DEFAULT = '[{"key":"k","operator":"Exists","effect":"NoSchedule"}]';
  const ALLOWED =
    '[{"key":"k","operator":"Exists"},{"key":"node.kubernetes.io/not-ready","operator":"Exists"},{"key":"node.kubernetes.io/unreachable","operator":"Exists"}]';
  const refused =
    'pod tolerations (possibly merged with namespace default tolerations) conflict with its namespace whitelist';
  const busy = { containers: [{ name: 'c', image: 'x', resources: { requests: { cpu: '1' } } }] };
  const cases: [string, string, object, readonly string[] | string][] = [
    ['gives the default', DEFAULT, {}, ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable', 'k']],
    ['refuses others', DEFAULT, { tolerations: [{ key: 'z', operator: 'Exists' }] }, refused],
    ['refuses what it adds itself', DEFAULT, busy, refused],
    ['refuses what is no list', '{"a":1}', {}, 'json: cannot unmarshal object into Go value of type []v1.Toleration'],
  ];
  it.each(cases)('%s', async (_, defaults, spec, expected) => {
    const { c, admit } = annotated(['PodTolerationRestriction'], {
      [`${PREFIX}defaultTolerations`]: defaults,
      [`${PREFIX}tolerationsWhitelist`]: ALLOWED,
    });
    const p = pod(spec);
    const refusal = await admit(attributesOf(c, 'CREATE', p));
    expect(refusal ?? typed(p).spec!.tolerations!.map((t) => t.key)).toEqual(expected);
  });
});

it('changes of pods that a node does not understand are refused', async () => {
  const { c, admit } = setUp();
  const node = (declaredFeatures?: string[]) =>
    c.put({ kind: 'Node', apiVersion: 'v1', metadata: { name: 'n' }, status: { declaredFeatures } });
  const old = pod({ nodeName: 'n', resources: { requests: { cpu: '1' } } });
  const next = pod({ nodeName: 'n', resources: { requests: { cpu: '2' } } });
  node();
  expect(await admit({ ...attributesOf(c, 'UPDATE', next), old })).toBe(
    'pods "p" is forbidden: pod update requires features InPlacePodLevelResourcesVerticalScaling which are not available on node "n"',
  );
  node(['InPlacePodLevelResourcesVerticalScaling']);
  expect(await admit({ ...attributesOf(c, 'UPDATE', next), old })).toBeUndefined();
});

describe('plugins named on the command line', () => {
  it.each<[string[], string[], string | undefined]>([
    [['PodNodeSelector', 'Priority'], ['PodSecurity'], undefined],
    [
      ['Nope'],
      ['Zzz'],
      '[enable-admission-plugins plugin "Nope" is unknown, disable-admission-plugins plugin "Zzz" is unknown]',
    ],
    [
      ['Priority', 'LimitRanger'],
      ['LimitRanger', 'Priority'],
      '[LimitRanger Priority] in enable-admission-plugins and disable-admission-plugins overlapped',
    ],
    [
      ['EventRateLimit'],
      [],
      'enable-admission-plugins plugin "EventRateLimit" needs a configuration file, and none is read',
    ],
  ])('%j %j', (enabled, disabled, problem) => {
    const check = (): void => checkPlugins(enabled, disabled);
    if (problem === undefined) expect(check).not.toThrow();
    else expect(check).toThrow(problem);
  });
});
