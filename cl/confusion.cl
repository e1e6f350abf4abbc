// confusion: counts of (true class, predicted class). Reference: src/op/confusion.c.

// The class of each row as a number, exact up to 2^24 classes.
kernel void predict(global T *restrict guess, global const T *restrict x, uint rows, uint n,
                    uint per)
{
    uint first = get_global_id(0) * per, end = min(first + per, rows);
    for (uint i = first; i < end; i++) {
        global const T *line = x + i * n;
        uint best = n == 1 && line[0] > 0;
        for (uint j = 1; j < n; j++)
            best = line[j] > line[best] ? j : best;
        guess[i] = (T) best;
    }
}

// One work-item a true class: only it writes that line of y. Weights are added in the order of
// rows.
kernel void count(global T *restrict y, global const T *restrict guess,
                  global const int *restrict label, global const T *restrict weight,
                  uint has_weight, uint rows, uint classes)
{
    uint t = get_global_id(0);
    if (t >= classes)
        return;
    global T *line = y + t * classes;
    for (uint p = 0; p < classes; p++)
        line[p] = 0;
    for (uint i = 0; i < rows; i++) {
        if (label[i] == (int) t)
            line[(uint) guess[i]] += has_weight ? weight[i] : (T) 1;
    }
}
