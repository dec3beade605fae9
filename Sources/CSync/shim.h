// What Swift's Glibc leaves out because it is Linux's own (syncfs(2)).
#pragma once

int syncfs(int file);
