// Mantine supplies behaviour (focus traps, lists, pop-ups); its looks come from our tokens.
import { type CSSVariablesResolver, createTheme, type MantineColorsTuple } from "@mantine/core";

const pine: MantineColorsTuple = [
  "#e9f5f2",
  "#d2e9e3",
  "#a5d5c9",
  "#73beae",
  "#4cab97",
  "#2c9683",
  "#0d6e60",
  "#0b6b5d",
  "#08554a",
  "#053f37",
];

export const theme = createTheme({
  fontFamily: "var(--font-sans)",
  fontFamilyMonospace: "var(--font-mono)",
  primaryColor: "pine",
  primaryShade: { light: 6, dark: 4 },
  colors: { pine },
  defaultRadius: 6,
  fontSizes: { xs: "0.6875rem", sm: "0.8125rem", md: "0.8125rem", lg: "0.9375rem", xl: "1.125rem" },
  cursorType: "pointer",
  respectReducedMotion: true,
  components: {
    Modal: {
      defaultProps: {
        closeButtonProps: { "aria-label": "Close" },
        centered: true,
        overlayProps: { color: "transparent" },
      },
    },
    Menu: { defaultProps: { shadow: "none", transitionProps: { duration: 0 } } },
    Select: { defaultProps: { size: "sm", allowDeselect: false, checkIconPosition: "right" } },
  },
});

export const variables: CSSVariablesResolver = () => ({
  variables: {
    "--mantine-color-body": "var(--ground)",
    "--mantine-color-text": "var(--ink)",
    "--mantine-color-dimmed": "var(--ink-2)",
    "--mantine-color-default": "var(--surface)",
    "--mantine-color-default-hover": "var(--hover)",
    "--mantine-color-default-color": "var(--ink)",
    "--mantine-color-default-border": "var(--line-strong)",
    "--mantine-color-placeholder": "var(--ink-3)",
    "--mantine-color-error": "var(--bad)",
  },
  light: {},
  dark: {},
});
