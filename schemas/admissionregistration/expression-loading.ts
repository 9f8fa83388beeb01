import { loadable } from '../helpers/loadable.ts';

/** What compiles expressions is loaded for the first policy or condition. */
export const { load: loadExpressions, loaded: expressions } = loadable(() => import('./expressions.ts'));
