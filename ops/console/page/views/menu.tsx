import { useEffect, useRef } from 'preact/hooks';

export interface MenuItem {
  readonly label: string;
  readonly run: () => void;
  readonly disabled?: boolean;
}
/** A context menu: arrow keys move, Escape and a click elsewhere close it, and the focus returns to where it was. */
export function Menu(p: {
  readonly label: string;
  readonly x: number;
  readonly y: number;
  readonly items: readonly MenuItem[];
  readonly onClose: () => void;
}) {
  const menu = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    const element = menu.current!;
    const box = element.getBoundingClientRect();
    element.style.left = `${Math.max(8, Math.min(p.x, innerWidth - box.width - 8))}px`;
    element.style.top = `${Math.max(8, Math.min(p.y, innerHeight - box.height - 8))}px`;
    element.querySelector<HTMLElement>('[role=menuitem]')?.focus();
    const outside = (event: Event): void => {
      if (!element.contains(event.target as Node)) p.onClose();
    };
    document.addEventListener('pointerdown', outside);
    return () => {
      document.removeEventListener('pointerdown', outside);
      if (element.contains(document.activeElement) || document.activeElement === document.body) before?.focus();
    };
  }, []);
  const onKeyDown = (event: KeyboardEvent): void => {
    const items = [...menu.current!.querySelectorAll<HTMLElement>('[role=menuitem]')];
    const at = items.indexOf(document.activeElement as HTMLElement);
    if (event.key === 'Escape' || event.key === 'Tab') p.onClose();
    else if (event.key === 'ArrowDown') items[(at + 1) % items.length]?.focus();
    else if (event.key === 'ArrowUp') items.at((at - 1) % items.length)?.focus();
    else if (event.key === 'Home') items[0]?.focus();
    else if (event.key === 'End') items.at(-1)?.focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div class="menu" role="menu" aria-label={p.label} ref={menu} onKeyDown={onKeyDown}>
      {p.items.map((item) => (
        <button
          key={item.label}
          type="button"
          role="menuitem"
          tabindex={-1}
          aria-disabled={item.disabled === true || undefined}
          onClick={() => {
            if (item.disabled === true) return;
            p.onClose();
            item.run();
          }}
        >
          {item.label}
        </button>
      ))}
    </div>
  );
}
