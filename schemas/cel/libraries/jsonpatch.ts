import { isString, overload, type CelLibrary } from './kinds.ts';

/** Source: apiserver pkg/cel/library/jsonpatch.go. */
export const jsonPatch: CelLibrary = {
  'jsonpatch.escapeKey': [
    overload('string_jsonpatch_escapeKey_string', [isString], (key: string) =>
      key.replaceAll('~', '~0').replaceAll('/', '~1'),
    ),
  ],
};
