import type { CelFunction, CelOverload } from '../eval-call.ts';
import { authorization } from './authz.ts';
import { conversions } from './conversions.ts';
import { formats } from './format.ts';
import { jsonPatch } from './jsonpatch.ts';
import type { CelLibrary } from './kinds.ts';
import { lists } from './lists.ts';
import { addresses } from './network.ts';
import { operators } from './operators.ts';
import { optionals } from './optionals.ts';
import { quantities } from './quantity.ts';
import { regex } from './regex.ts';
import { semver } from './semver.ts';
import { strings } from './strings.ts';
import { time } from './time.ts';
import { urls } from './url.ts';

type Overloaded = Extract<CelFunction, { overloads: readonly CelOverload[] }>;
/** In the order in which kube adds them: that of trying overloads. Source: apiserver pkg/cel/environment/base.go. */
const LIBRARIES: readonly CelLibrary[] = [
  operators, conversions, time, lists, strings, urls, regex, authorization, optionals, quantities, addresses, formats,
  semver, jsonPatch,
]; // prettier-ignore

const functions = new Map<string, CelFunction>();
for (const library of LIBRARIES)
  for (const [name, given] of Object.entries(library)) {
    const one: CelFunction = Array.isArray(given) ? { overloads: given } : (given as CelFunction);
    const known = functions.get(name) as Overloaded | undefined;
    const isMore = known !== undefined && 'overloads' in one;
    functions.set(name, isMore ? { ...known, overloads: [...known.overloads, ...one.overloads] } : one);
  }
/** A function with all its overloads; undefined where there is none of that name. */
export const celFunction = (name: string): CelFunction | undefined => functions.get(name);
