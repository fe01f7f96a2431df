// Runs in the page, after axe: what axe finds, and what is too small to read or to touch, or wider than the page.
(async () => {
  // What passes is not described: that takes most of the time.
  const { violations } = await window.axe.run({ resultTypes: ['violations'] });
  const found = violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, target }) => `${id}: ${target} ${html.slice(0, 160)}`),
  );
  const isSeen = (element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth > clientWidth) {
    const wide = [...document.querySelectorAll('body *')].filter(
      (element) => isSeen(element) && element.getBoundingClientRect().right > clientWidth + 1,
    );
    found.push(`${scrollWidth} px wide: ${wide.slice(-3).map((one) => one.outerHTML.slice(0, 100))}`);
  }
  for (const element of document.querySelectorAll('button, a, label[for], [role=menuitem], [role=option]')) {
    const { width, height } = element.getBoundingClientRect();
    const isTouched =
      element.matches('button, a, [role]') || element.closest('.mantine-SegmentedControl-root, .mantine-Chip-root');
    if (isTouched && isSeen(element) && width > 1 && (width < 24 || height < 24)) {
      found.push(`${width.toFixed(1)}×${height.toFixed(1)} px: ${element.outerHTML.slice(0, 120)}`);
    }
  }
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text = texts.nextNode(); text; text = texts.nextNode()) {
    const parent = text.parentElement;
    if (!parent || !text.textContent?.trim() || !isSeen(parent)) continue;
    const size = Number.parseFloat(getComputedStyle(parent).fontSize);
    if (size < 12) found.push(`${size} px: ${text.textContent}`);
  }
  return [...new Set(found)];
})();
