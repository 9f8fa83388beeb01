import { describe, expect, it } from 'vitest';
import type { Device, DeviceRequest, ResourceClaim, ResourceSlice } from '../../../../schemas/generated/resource-v1.ts';
import { allocate, devicesOf, type Situation } from './testing/allocate.ts';
import { aClaim, aClass, aSlice, DRIVER, one, selecting } from './testing/objects.ts';

const NONE = 'cannot allocate all claims';
const model = (name: string, text: string, o: Partial<Device> = {}): Device => ({ name, attributes: { model: { string: text } }, ...o }); // prettier-ignore
const isModel = (text: string) => selecting(`device.attributes["${DRIVER}"].model == "${text}"`);
const claim = (...requests: ReturnType<typeof one>[]): ResourceClaim => aClaim('c', { requests });
const first = (...names: [name: string, text: string, count?: number][]) => ({
  name: 'r',
  firstAvailable: names.map(([name, text, count = 1]) => ({
    name, deviceClassName: 'gpu', allocationMode: 'ExactCount' as const, count, ...isModel(text),
  })),
}); // prettier-ignore
const holding = (name: string, ...results: object[]): ResourceClaim =>
  aClaim(name, {}, { status: { allocation: { devices: { results: results.map((r) => ({ request: 'r', driver: DRIVER, pool: 's', ...r })) as never } } } }); // prettier-ignore
const pool = (resourceSliceCount: number, generation = 1) => ({ pool: { name: 's', generation, resourceSliceCount } });
const slots = (n: string) => [{ counterSet: 'card', counters: { slots: { value: n } } }];
const card: ResourceSlice[] = [
  aSlice('s-0', [], { ...pool(2), sharedCounters: [{ name: 'card', counters: { slots: { value: '4' } } }] }),
  aSlice('s-1', [
    { name: 'whole', consumesCounters: slots('4') }, { name: 'half', consumesCounters: slots('2') },
    { name: 'other', consumesCounters: slots('2') }, { name: 'third', consumesCounters: slots('2') },
  ], pool(2)),
]; // prettier-ignore
const shared = (value: string, requestPolicy?: object): Device => ({
  name: 'd', allowMultipleAllocations: true, capacity: { memory: { value, ...(requestPolicy && { requestPolicy }) } },
}); // prettier-ignore
const asking = (memory: string) => one('r', { capacity: { requests: { memory } } });
const share = (memory: string, shareID: string) => ({ device: 'd', shareID, consumedCapacity: { memory } });

const cases: (Situation & { readonly it: string; readonly want: string | readonly string[] })[] = [
  { it: 'takes the first by pool and slice names', slices: [aSlice('t', ['x']), aSlice('s', ['y', 'z'])], claims: [claim(one())], want: ['r=s/y'] },
  { it: 'gives no device twice', slices: [aSlice('s', ['a'])], claims: [claim(one('r'), one('q'))], want: NONE },
  { it: 'gives no device to two claims', slices: [aSlice('s', ['a', 'b'])], claims: [claim(one()), aClaim('d', { requests: [one()] })], want: ['r=s/a', 'r=s/b'] },
  { it: 'leaves alone what others hold', slices: [aSlice('s', ['a', 'b'])], held: [holding('h', { device: 'a' })], claims: [claim(one())], want: ['r=s/b'] },
  { it: 'passes over what is another node’s', slices: [aSlice('s', ['a'], { nodeName: 'm' })], claims: [claim(one())], want: NONE },
  { it: 'reaches over the network by labels', slices: [aSlice('s', ['a'], { nodeSelector: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator: 'In', values: ['x'] }] }] } })], node: { name: 'n', labels: { zone: 'x' } }, claims: [claim(one())], want: ['r=s/a'] },
  { it: 'reaches devices of all nodes', slices: [aSlice('s', ['a'], { allNodes: true })], claims: [claim(one())], want: ['r=s/a'] },
  { it: 'lets each device say where it is', slices: [aSlice('s', [{ name: 'a', nodeName: 'm' }, { name: 'b', nodeName: 'n' }, { name: 'c', allNodes: true }], { perDeviceNodeSelection: true })], claims: [claim(one('r', { count: 2 }))], want: ['r=s/b r=s/c'] },
  { it: 'asks class and request', slices: [aSlice('s', [model('a', 'x'), model('b', 'y', { attributes: { model: { string: 'y' }, big: { bool: true } } }), model('c', 'y')])], classes: [aClass('gpu', isModel('y'))], claims: [claim(one('r', selecting(`has(device.attributes["${DRIVER}"].big)`)))], want: ['r=s/b'] },
  { it: 'finds nothing in a domain that a device does not speak of', slices: [aSlice('s', ['a'])], claims: [claim(one('r', selecting('has(device.attributes["other.example.com"].x) || "other.example.com" in device.attributes')))], want: NONE },
  { it: 'compares versions and amounts', slices: [aSlice('s', [{ name: 'a', attributes: { v: { version: '1.2.0' } }, capacity: { memory: { value: '1Gi' } } }, { name: 'b', attributes: { v: { version: '1.10.0' } }, capacity: { memory: { value: '2Gi' } } }])], claims: [claim(one('r', selecting(`device.attributes["${DRIVER}"].v.isGreaterThan(semver("1.9.0"))`, `device.capacity["${DRIVER}"].memory.compareTo(quantity("1.5Gi")) > 0`)))], want: ['r=s/b'] },
  { it: 'an expression that fails ends the search', slices: [aSlice('s', ['a'])], claims: [claim(one('r', isModel('x')))], want: 'error: claim default/c: selector #0: CEL runtime error: no such key: model' },
  { it: 'so does one of a class', slices: [aSlice('s', ['a'])], classes: [aClass('gpu', selecting('device.nothing'))], claims: [claim(one())], want: "error: class gpu: selector #0: CEL compile error: compilation failed: ERROR: <input>:1:7: undefined field 'nothing'\n | device.nothing\n | ......^" },
  { it: 'a class that is not there', slices: [aSlice('s', ['a'])], classes: [], claims: [claim(one())], want: 'error: claim default/c, request r: could not retrieve device class gpu: deviceclass.resource.k8s.io "gpu" not found' },
  { it: 'goes back where a first choice leaves nothing for the second', slices: [aSlice('s', [model('a', 'x'), model('b', 'y')])], claims: [claim(one('any'), one('r', isModel('x')))], want: ['any=s/b r=s/a'] },
  { it: 'goes back into an earlier claim', slices: [aSlice('s', [model('a', 'x'), model('b', 'y')])], claims: [claim(one()), aClaim('d', { requests: [one('r', isModel('x'))] })], want: ['r=s/b', 'r=s/a'] },
  { it: 'more than a claim may have', slices: [aSlice('s', ['a'])], claims: [claim(one('r', { count: 33 }))], want: 'error: claim default/c: number of requested devices 33 exceeds the claim limit of 32' },

  { it: 'all of a node’s devices', slices: [aSlice('s', ['a', 'b']), aSlice('t', ['c'])], claims: [claim(one('r', { allocationMode: 'All' }))], want: ['r=s/a r=s/b r=t/c'] },
  { it: 'all means all', slices: [aSlice('s', ['a', 'b'])], held: [holding('h', { device: 'a' })], claims: [claim(one('r', { allocationMode: 'All' }))], want: NONE },
  { it: 'all of nothing is nothing', slices: [], claims: [claim(one('r', { allocationMode: 'All' }))], want: NONE },
  { it: 'all waits for the whole pool', slices: [aSlice('s', ['a'], pool(2))], claims: [claim(one('r', { allocationMode: 'All' }))], want: 'error: claim default/c, request r: asks for all devices, but resource pool gpu.example.com/s is currently being updated' },
  { it: 'takes nothing of a pool that is not whole', slices: [aSlice('s', ['a'], pool(2)), aSlice('t', ['b'])], claims: [claim(one())], want: ['r=t/b'] },
  { it: 'a pool may be elsewhere in part', slices: [aSlice('s-0', ['a'], pool(2)), aSlice('s-1', ['b'], { ...pool(2), nodeName: 'm' })], claims: [claim(one())], want: ['r=s/a'] },
  { it: 'takes the newest generation', slices: [aSlice('s-0', ['a'], pool(1)), aSlice('s-1', ['b'], pool(1, 2))], claims: [claim(one())], want: ['r=s/b'] },
  { it: 'an old generation is void though the new one is elsewhere', slices: [aSlice('s-0', ['a'], pool(2)), aSlice('s-1', ['b'], { ...pool(1, 2), nodeName: 'm' })], claims: [claim(one())], want: NONE },
  { it: 'a pool that names a device twice', slices: [aSlice('s-0', ['a'], pool(2)), aSlice('s-1', ['a'], pool(2))], claims: [claim(one())], want: 'invalid resource pools were encountered' },
  { it: 'others do while one is invalid', slices: [aSlice('s-0', ['a'], pool(2)), aSlice('s-1', ['a'], pool(2)), aSlice('t', ['b'])], claims: [claim(one())], want: ['r=t/b'] },

  { it: 'the first alternative that can be had', slices: [aSlice('s', [model('a', 'x'), model('b', 'y')])], held: [holding('h', { device: 'a' })], claims: [aClaim('c', { requests: [first(['best', 'x'], ['good', 'y'])] })], want: ['r/good=s/b'] },
  { it: 'an alternative gives way to a later request', slices: [aSlice('s', [model('a', 'x'), model('b', 'y')])], claims: [aClaim('c', { requests: [first(['best', 'x'], ['good', 'y']), one('q', isModel('x'))] })], want: ['r/good=s/b q=s/a'] },
  { it: 'an alternative of fewer devices stays below the limit', slices: [aSlice('s', Array.from({ length: 40 }, (_, i) => model(`d${String(i).padStart(2, '0')}`, 'x')))], claims: [aClaim('c', { requests: [first(['many', 'x', 3], ['few', 'x', 1]), one('q', { count: 31 })] })], want: [['r/few=s/d00', ...Array.from({ length: 31 }, (_, i) => `q=s/d${String(i + 1).padStart(2, '0')}`)].join(' ')] },

  { it: 'all alike', slices: [aSlice('s', [model('a', 'x'), model('b', 'y'), model('c', 'y')])], claims: [aClaim('c', { requests: [one('r', { count: 2 })], constraints: [{ matchAttribute: `${DRIVER}/model` }] })], want: ['r=s/b r=s/c'] },
  { it: 'all alike means that they have it', slices: [aSlice('s', ['a'])], claims: [aClaim('c', { requests: [one()], constraints: [{ matchAttribute: `${DRIVER}/model` }] })], want: NONE },
  { it: 'a constraint of one request is not the other’s', slices: [aSlice('s', [model('a', 'x'), model('b', 'y')])], claims: [aClaim('c', { requests: [one('r'), one('q')], constraints: [{ matchAttribute: `${DRIVER}/model`, requests: ['r'] }] })], want: ['r=s/a q=s/b'] },
  { it: 'all different, however many of one request', slices: [aSlice('s', [model('a', 'x'), model('b', 'y'), model('c', 'x'), model('d', 'z')])], claims: [aClaim('c', { requests: [one('r', { count: 3 })], constraints: [{ distinctAttribute: `${DRIVER}/model` }] })], want: ['r=s/a r=s/b r=s/d'] },
  { it: 'all that there are, and they differ', slices: [aSlice('s', [model('a', 'x'), model('b', 'y')])], claims: [aClaim('c', { requests: [one('r', { allocationMode: 'All' })], constraints: [{ matchAttribute: `${DRIVER}/model` }] })], want: 'error: claim default/c, request r: cannot add device gpu.example.com/s/b because a claim constraint would not be satisfied' },

  { it: 'administrators see what others hold', slices: [aSlice('s', ['a'])], held: [holding('h', { device: 'a' })], claims: [claim(one('r', { adminAccess: true }))], want: ['r=s/a'] },
  { it: 'but no device twice in a claim', slices: [aSlice('s', ['a'])], claims: [claim(one('r', { adminAccess: true, count: 2 }))], want: NONE },
  { it: 'and take nothing from anybody', slices: [aSlice('s', ['a'])], held: [holding('h', { device: 'a', adminAccess: true })], claims: [claim(one())], want: ['r=s/a'] },

  { it: 'keeps off tainted devices', slices: [aSlice('s', [{ name: 'a', taints: [{ key: 'k', effect: 'NoSchedule' }] }, { name: 'b', taints: [{ key: 'k', effect: 'None' }] }])], claims: [claim(one())], want: ['r=s/b'] },
  { it: 'unless it tolerates them', slices: [aSlice('s', [{ name: 'a', taints: [{ key: 'k', value: 'v', effect: 'NoExecute' }] }])], claims: [claim(one('r', { tolerations: [{ key: 'k', operator: 'Equal', value: 'v' }] }))], want: ['r=s/a'] },
  { it: 'all of them', slices: [aSlice('s', [{ name: 'a', taints: [{ key: 'k', effect: 'NoExecute' }, { key: 'l', effect: 'NoSchedule' }] }])], claims: [claim(one('r', { tolerations: [{ key: 'k', operator: 'Exists' }] }))], want: NONE },

  { it: 'parts while the counters last', slices: card, claims: [claim(one('r', { count: 2 }))], want: ['r=s/half r=s/other'] },
  { it: 'counters count what is held', slices: card, held: [holding('h', { device: 'other' })], claims: [claim(one('r', { count: 2 }))], want: NONE },
  { it: 'counters count what is held out of reach', slices: [card[0]!, aSlice('s-1', [{ name: 'x', consumesCounters: slots('3') }], { ...pool(3), nodeName: 'm' }), aSlice('s-2', [{ name: 'y', consumesCounters: slots('2') }], pool(3))].map((s) => ({ ...s, spec: { ...s.spec, ...pool(3) } })), held: [holding('h', { device: 'x' })], claims: [claim(one())], want: NONE },
  { it: 'a counter that is not there spoils the pool', slices: [aSlice('s', [{ name: 'a', consumesCounters: slots('1') }])], claims: [claim(one())], want: 'invalid resource pools were encountered' },

  { it: 'shares a device while there is enough', slices: [aSlice('s', [shared('8Gi')])], held: [holding('h', share('5Gi', 'i'))], claims: [claim(asking('3Gi'))], want: ['r=s/d'] },
  { it: 'and no longer', slices: [aSlice('s', [shared('8Gi')])], held: [holding('h', share('5Gi', 'i'))], claims: [claim(asking('4Gi'))], want: NONE },
  { it: 'who says nothing takes everything', slices: [aSlice('s', [shared('8Gi')])], held: [holding('h', share('1Gi', 'i'))], claims: [claim(one())], want: NONE },
  { it: 'or the default', slices: [aSlice('s', [shared('8Gi', { default: '1Gi', validValues: ['1Gi', '4Gi'] })])], held: [holding('h', share('7Gi', 'i'))], claims: [claim(one())], want: ['r=s/d'] },
  { it: 'rounds up to an amount that is allowed', slices: [aSlice('s', [shared('8Gi', { default: '1Gi', validValues: ['1Gi', '4Gi'] })])], held: [holding('h', share('5Gi', 'i'))], claims: [claim(asking('2Gi'))], want: NONE },
  { it: 'refuses more than the policy allows', slices: [aSlice('s', [shared('8Gi', { default: '1Gi', validRange: { min: '1Gi', max: '2Gi' } })])], claims: [claim(asking('3Gi'))], want: NONE },
  { it: 'a capacity that no device has', slices: [aSlice('s', [shared('8Gi')])], claims: [claim(one('r', { capacity: { requests: { cores: '1' } } }))], want: NONE },
  { it: 'gives shares of one device to several requests', slices: [aSlice('s', [shared('8Gi')])], claims: [claim(asking('3Gi'), { ...asking('5Gi'), name: 'q' })], want: ['r=s/d q=s/d'] },
  { it: 'devices that take time come last', slices: [aSlice('s', [{ name: 'a', bindingConditions: ['ready'] }]), aSlice('t', ['b'])], claims: [claim(one())], want: ['r=t/b'] },
]; // prettier-ignore

describe('devices are chosen', () => {
  for (const { it: name, want, ...situation } of cases)
    it(name, () => {
      const found = allocate(situation);
      expect(typeof found === 'string' ? found : found.map(devicesOf)).toEqual(want);
    });
});

describe('what is written of them', () => {
  it('says where they are, with what settings, and what shares take', () => {
    const opaque = (n: number) => ({ opaque: { driver: DRIVER, parameters: { n } as never } });
    const slices = [
      aSlice('s', [shared('8Gi', { default: '1Gi', validRange: { min: '1Gi', step: '1Gi' } })], {
        nodeSelector: {
          nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator: 'In', values: ['x'] }] }],
        },
      }),
    ];
    const requests: DeviceRequest[] = [asking('1500Mi'), first(['bad', 'x'], ['good', 'y'])].map((r, i) => ({
      ...r,
      name: `r${i}`,
    }));
    const [, plan] = requests;
    const local = aSlice('t', [model('a', 'y', { bindingConditions: ['ready'], bindingFailureConditions: ['broken'] })], { allNodes: true }); // prettier-ignore
    const found = allocate({
      slices: [...slices, local],
      node: { name: 'n', labels: { zone: 'x' } },
      classes: [aClass('gpu', { config: [opaque(1)] })],
      claims: [
        aClaim('c', {
          requests: [
            { ...requests[0]!, exactly: { ...requests[0]!.exactly!, ...selecting('device.allowMultipleAllocations') } },
            { ...plan!, firstAvailable: plan!.firstAvailable!.map((o) => ({ ...o, selectors: [{ cel: { expression: `device.attributes["${DRIVER}"].?model.orValue("") == "${o.name === 'good' ? 'y' : 'x'}"` } }], tolerations: [{ operator: 'Exists' as const }] })) }, // prettier-ignore
          ],
          config: [{ ...opaque(2) }, { ...opaque(3), requests: ['r1/bad'] }, { ...opaque(4), requests: ['r1/good'] }, { ...opaque(5), requests: ['r1'] }], // prettier-ignore
        }),
      ],
    });
    expect(found).toEqual([
      {
        devices: {
          results: [
            { request: 'r0', driver: DRIVER, pool: 's', device: 'd', shareID: 'share-0', consumedCapacity: { memory: '2Gi' } }, // prettier-ignore
            { request: 'r1/good', driver: DRIVER, pool: 't', device: 'a', tolerations: [{ operator: 'Exists' }], bindingConditions: ['ready'], bindingFailureConditions: ['broken'] }, // prettier-ignore
          ],
          config: [
            { source: 'FromClass', requests: ['r0', 'r1/good'], ...opaque(1) },
            { source: 'FromClaim', ...opaque(2) },
            { source: 'FromClaim', requests: ['r1/good'], ...opaque(4) },
            { source: 'FromClaim', requests: ['r1'], ...opaque(5) },
          ],
        },
        nodeSelector: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator: 'In', values: ['x'] }] }] },
      },
    ]);
  });
  it('ties a claim to the node of its one local device', () => {
    const found = allocate({ slices: [aSlice('s', ['a'])], claims: [claim(one())] });
    expect(typeof found === 'string' ? found : found[0]!.nodeSelector).toEqual({
      nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n'] }] }],
    });
  });
});
