import type { PluginCall, PluginDescription } from '../../../actors/scheduler/outside/plugin-types.ts';

/** What a thread with a plugin is told; the first is `load`. `ping` is answered even while hooks wait for something. */
export type Told =
  | { readonly load: string; readonly args: unknown }
  | { readonly id: number; readonly call: PluginCall }
  | { readonly id: number; readonly ping: true };
export type Answer =
  | { readonly loaded: PluginDescription }
  | { readonly failed: string }
  | { readonly id: number; readonly result?: unknown; readonly error?: string };
