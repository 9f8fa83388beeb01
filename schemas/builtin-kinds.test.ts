import { expect, it } from 'vitest';
import { builtinKinds } from './builtin-kinds.ts';
import { createRegistry } from './registry.ts';

it('says of builtin kinds what the registry says', () => {
  const registered = createRegistry()
    .all()
    .map(({ group, version, resource, kind, singular, namespaced, verbs, storagePrefix }) => {
      return { gvr: { group, version, resource }, kind, singular, namespaced, verbs, storagePrefix };
    });
  expect(registered.length).toBeGreaterThan(60);
  expect(builtinKinds()).toEqual(registered);
});
