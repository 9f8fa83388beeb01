import { expect, it } from 'vitest';
import { asPropertyName } from './property-name.ts';

it.each(['topology.kubernetes.io/zone', '', '7', '__proto__', 'constructor', 'é'])('the name of a property is the text itself: %j', (text) =>
  expect(asPropertyName(text)).toBe(text)); // prettier-ignore
