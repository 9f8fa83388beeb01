import { Packr, type Options } from 'msgpackr';

const options: Options & { readonly skipValues: readonly unknown[] } = {
  useRecords: false,
  moreTypes: false,
  skipValues: [undefined],
  int64AsType: 'number',
};
/** Another implementation of the format of all bodies, to hold ours against. */
export const packr = new Packr(options);
