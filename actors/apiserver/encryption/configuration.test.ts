import { describe, expect, it } from 'vitest';
import { parseYaml } from '../../../schemas/codec/yaml.ts';
import { readEncryptionConfiguration } from './configuration.ts';

const HEAD = 'kind: EncryptionConfiguration\napiVersion: apiserver.config.k8s.io/v1\n';
const K32 = Buffer.alloc(32).toString('base64');
const K5 = Buffer.from('abcde').toString('base64');
const read = async (text: string) => readEncryptionConfiguration((await parseYaml(text)).value, text, 'f');
const of = (rest: string): string => `${HEAD}resources: ${rest}`;
const secrets = (providers: string): string => of(`[{resources: [secrets], providers: [${providers}]}]`);
const MASKED =
  "using overlapping resources such as 'secrets' and '*.' in the same resource list is not allowed as they will be masked";

describe('an EncryptionConfiguration', () => {
  it('is read', async () => {
    expect(
      await read(of(`[{resources: [secrets, '*.apps'], providers: [{aesgcm: {keys: [{name: a, secret: ${K32}}]}}, {identity: {}}]}]`)), // prettier-ignore
    ).toEqual([
      {
        resources: ['secrets', '*.apps'],
        providers: [
          { kind: 'aesgcm', keys: [{ name: 'a', secret: new Uint8Array(32) }] },
          { kind: 'identity', keys: [] },
        ],
      },
    ]);
  });
  // What kube-apiserver says of the same files, after `error while parsing file: `.
  it.each([
    ['', 'error while loading file: encryption provider configuration file "f" is empty'],
    [HEAD, 'resources: Required value: at least one resources is required'],
    [of('[{providers: [{identity: {}}]}]'), 'resources[0].resources: Required value: at least one resources[0].resources is required'], // prettier-ignore
    [of('[{resources: [secrets]}]'), 'resources[0].providers: Required value: at least one resources[0].providers is required'], // prettier-ignore
    [secrets('{}'), 'resources[0].providers[0]: Invalid value: {"AESGCM":null,"AESCBC":null,"Secretbox":null,"Identity":null,"KMS":null}: provider does not contain any of the expected providers: KMS, AESGCM, AESCBC, Secretbox, Identity'], // prettier-ignore
    [secrets('{aesgcm: {keys: []}}'), 'resources[0].providers[0].aesgcm.keys: Required value: at least one keys is required'], // prettier-ignore
    [
      secrets(`{aescbc: {keys: [{secret: ${K5}}, {name: b}, {name: c, secret: '!!'}]}}`),
      '[resources[0].providers[0].aescbc.keys[0].name: Required value: name is a mandatory field for a key, resources[0].providers[0].aescbc.keys[0].secret: Invalid value: "REDACTED": secret is not of the expected length, got 5, expected one of [16 24 32], resources[0].providers[0].aescbc.keys[1].secret: Required value: secret is a mandatory field for a key, resources[0].providers[0].aescbc.keys[2].secret: Invalid value: "REDACTED": secrets must be base64 encoded]',
    ],
    [
      secrets(`{secretbox: {keys: [{name: a, secret: ${K5}}]}}`),
      'resources[0].providers[0].secretbox.keys[0].secret: Invalid value: "REDACTED": secret is not of the expected length, got 5, expected one of [32]',
    ],
    [
      of("[{resources: [Secrets, '*', serviceipallocations, events.events.k8s.io, deployments.extensions, 'pods.*', a, a, '*.'], providers: [{identity: {}}]}]"), // prettier-ignore
      `[resources[0].resources: Invalid value: ["Secrets","*","serviceipallocations","events.events.k8s.io","deployments.extensions","pods.*","a","a","*."]: the same resource cannot be specified multiple times, resources[0].resources: Invalid value: ["Secrets","*","serviceipallocations","events.events.k8s.io","deployments.extensions","pods.*","a","a","*."]: ${MASKED}, resources[0].resources[0]: Invalid value: "Secrets": resource name should not contain capital letters, resources[0].resources[1]: Invalid value: "*": use '*.' to encrypt all the resources from core API group or *.* to encrypt all resources, resources[0].resources[2]: Invalid value: "serviceipallocations": resources which do not have REST API/s cannot be encrypted, resources[0].resources[3]: Invalid value: "events.events.k8s.io": '*.events.k8s.io' objects are stored using the 'events' API group in etcd. Use 'events' instead in the config file, resources[0].resources[4]: Invalid value: "deployments.extensions": 'extensions' group has been removed and cannot be used for encryption, resources[0].resources[5]: Invalid value: "pods.*": encrypting the same resource across groups is not supported]`,
    ],
    [of("[{resources: [secrets, '*.*'], providers: [{identity: {}}]}]"), `resources[0].resources: Invalid value: ["secrets","*.*"]: ${MASKED}`], // prettier-ignore
    [secrets('{foo: {}}'), 'error decoding encryption provider configuration file "f": strict decoding error: unknown field "resources[0].providers[0].foo"'], // prettier-ignore
    [HEAD.replace('EncryptionConfiguration', 'Foo'), 'error decoding encryption provider configuration file "f": no kind "Foo" is registered for version "apiserver.config.k8s.io/v1" in scheme "pkg/runtime/scheme.go:111"'], // prettier-ignore
    ['resources: []', 'error decoding encryption provider configuration file "f": Object \'Kind\' is missing in \'resources: []\''], // prettier-ignore
    [of('5'), 'error decoding encryption provider configuration file "f": json: cannot unmarshal number into Go struct field EncryptionConfiguration.resources of type []v1.ResourceConfiguration'], // prettier-ignore
  ])('%j is refused', async (text, why) => {
    await expect(read(text)).rejects.toThrow(new Error(`error while parsing file: ${why}`));
  });
  it('does not print keys, although the real server does', async () => {
    await expect(read(secrets(`{identity: {}, aesgcm: {keys: [{name: a, secret: ${K32}}]}}`))).rejects.toThrow(
      'resources[0].providers[0]: Invalid value: {"AESGCM":{"Keys":[{"Name":"a","Secret":"REDACTED"}]},"AESCBC":null,"Secretbox":null,"Identity":{},"KMS":null}: more than one provider specified in a single element, should split into different list elements',
    );
  });
  it('may name secretbox', async () => {
    const [only] = await read(secrets(`{secretbox: {keys: [{name: a, secret: ${K32}}]}}`));
    expect(only!.providers).toEqual([{ kind: 'secretbox', keys: [{ name: 'a', secret: new Uint8Array(32) }] }]);
  });
  it('refuses what is not built', async () => {
    await expect(read(secrets('{kms: {name: a, endpoint: unix:///a}}'))).rejects.toThrow(/KMS plugins are not built/);
  });
});
