import type { ControlState } from '../../protocol.ts';

const WORD = { running: 'running', paused: 'paused', resting: 'crashed, restarting' } as const;

/** Says that an actor is held or has a breakpoint; nothing for one that simply runs. */
export function ModeTag({ control, always = false }: { readonly control: ControlState; readonly always?: boolean }) {
  if (control.mode === 'running' && !always)
    return control.breakpoints.length > 0 ? <span class="tag tag-break">breakpoint</span> : null;
  return <span class={`tag tag-${control.mode}`}>{WORD[control.mode]}</span>;
}
