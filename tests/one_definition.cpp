// The rest of this program is every header, alone in a translation unit: it only has to link.
int main() { return 0; }
